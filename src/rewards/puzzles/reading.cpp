#include "rewards/puzzles/reading.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "data/text.h"

namespace r1::rewards::puzzles {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

std::string normal_layout(std::string_view text) {
  std::string out;
  for (const std::string& line : data::split_at(text, "\n")) {
    const auto words = data::split_whitespace(line);
    if (words.empty()) continue;
    if (!out.empty()) out += '\n';
    for (std::size_t i = 0; i < words.size(); ++i) out += (i == 0 ? "" : " ") + words[i];
  }
  return out;
}

std::string unwrapped(std::string_view text) {
  std::string out = data::trim(text);
  constexpr std::string_view kWrappers = "\"'`*$";
  for (;;) {
    if (!out.empty() && out.back() == '.') {
      out.pop_back();
    } else if (out.size() >= 2 && out.front() == out.back() &&
               kWrappers.find(out.front()) != std::string_view::npos) {
      out = data::trim(std::string_view(out).substr(1, out.size() - 2));
    } else {
      return out;
    }
  }
}

bool same_text(std::string_view a, std::string_view b) {
  return normal_layout(a) == normal_layout(b) ||
         normal_layout(unwrapped(a)) == normal_layout(unwrapped(b));
}

std::optional<std::string> canonical_decimal(std::string_view given) {
  const std::string text = unwrapped(given);
  std::size_t at = 0;
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) ++at;
  std::string whole;
  std::string part;
  bool point = false;
  for (; at < text.size(); ++at) {
    if (text[at] == '.' && !point)
      point = true;
    else if (is_digit(text[at]))
      (point ? part : whole) += text[at];
    else if (text[at] != ',' || point || whole.empty())
      return std::nullopt;
  }
  if (whole.empty() && part.empty()) return std::nullopt;
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  part.erase(part.find_last_not_of('0') + 1);
  if (whole.empty()) whole.assign(1, '0');
  const std::string value = part.empty() ? whole : whole + '.' + part;
  return negative && value != "0" ? std::string("-").append(value) : value;
}

std::optional<double> number_of(std::string_view given) {
  std::string text = unwrapped(given);
  std::erase(text, ',');
  if (text.empty() || text.find_first_not_of("0123456789+-.eE") != std::string::npos)
    return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (*end != '\0' || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::vector<double> numbers_in(std::string_view text) {
  std::vector<double> numbers;
  for (std::size_t at = 0; at < text.size();) {
    const bool sign = text[at] == '-' || text[at] == '+';
    if (!is_digit(text[at]) && !(sign && at + 1 < text.size() && is_digit(text[at + 1]))) {
      ++at;
      continue;
    }
    std::string digits(1, text[at++]);
    bool point = false;
    for (; at < text.size() && (is_digit(text[at]) || (text[at] == '.' && !point)); ++at) {
      point |= text[at] == '.';
      digits += text[at];
    }
    numbers.push_back(std::strtod(digits.c_str(), nullptr));
  }
  return numbers;
}

std::optional<std::int64_t> integer_of(std::string_view text) {
  const auto decimal = canonical_decimal(text);
  constexpr std::size_t kMostDigits = 18;
  if (!decimal || decimal->size() > kMostDigits || decimal->find('.') != std::string::npos)
    return std::nullopt;
  return std::strtoll(decimal->c_str(), nullptr, 10);
}

Rows rows_of(std::string_view text) {
  std::string plain(text);
  for (char& c : plain) {
    if (c == ']') c = '\n';
    if (c == '[' || c == ',' || c == '|' || c == '\'' || c == '"') c = ' ';
  }
  Rows rows;
  for (const std::string& line : data::split_at(plain, "\n"))
    if (auto cells = data::split_whitespace(line); !cells.empty()) rows.push_back(std::move(cells));
  return rows;
}

std::vector<std::vector<std::int64_t>> integer_matrix(const nlohmann::json& metadata,
                                                      const char* field) {
  std::vector<std::vector<std::int64_t>> matrix;
  const auto rows = metadata.find(field);
  if (rows == metadata.end() || !rows->is_array()) return {};
  for (const auto& row : *rows) {
    if (!row.is_array()) return {};
    auto& cells = matrix.emplace_back();
    for (const auto& cell : row) {
      if (!cell.is_number_integer()) return {};
      cells.push_back(cell.get<std::int64_t>());
    }
  }
  return matrix;
}

nlohmann::json lenient_json(std::string_view text) {
  constexpr std::size_t kMostBytes = 1 << 16;  // an answer; deep nesting needs more
  constexpr std::size_t kMostBrackets = 4096;
  const auto brackets =
      std::count_if(text.begin(), text.end(), [](char c) { return c == '[' || c == '{'; });
  if (text.size() > kMostBytes || static_cast<std::size_t>(brackets) > kMostBrackets)
    return nlohmann::json(nlohmann::json::value_t::discarded);
  auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_discarded()) return json;
  std::string quoted(text);
  std::replace(quoted.begin(), quoted.end(), '\'', '"');
  return nlohmann::json::parse(quoted, nullptr, false);
}

}  // namespace r1::rewards::puzzles
