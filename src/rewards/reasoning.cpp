#include "rewards/reasoning.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <set>

#include "data/text.h"
#include "rewards/maths/parse.h"
#include "rewards/maths/verify.h"
#include "rewards/sections.h"

namespace r1::rewards {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alpha(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0;
}
bool starts_with(std::string_view text, std::string_view head) {
  return text.substr(0, head.size()) == head;
}

bool is_step(const std::string& line, const QualityOptions& options) {
  for (const std::string_view sign : {"=", "<", ">", "≈", "≤", "≥", "≠"})
    if (line.find(sign) != std::string::npos) return true;
  const std::string lower = data::lower_ascii(line);
  if (is_digit(lower[0])) return true;
  for (const std::string_view head : {"- ", "* ", "•", "step", "단계"})
    if (starts_with(lower, head)) return true;
  for (const std::string& word : options.connectives) {
    const std::string head = data::lower_ascii(word);
    if (!starts_with(lower, head)) continue;
    // "so" begins a step, "some" does not; Korean particles may follow a connective.
    const bool ascii = static_cast<unsigned char>(head.back()) < 0x80;
    if (!ascii || lower.size() == head.size() || !is_alpha(lower[head.size()])) return true;
  }
  return false;
}

/// The numbers of a text, thousands separators removed.
std::set<std::string> numbers_of(std::string_view text) {
  std::set<std::string> numbers;
  for (std::size_t at = 0; at < text.size();) {
    std::string digits;
    while (at < text.size() && (is_digit(text[at]) ||
                                (!digits.empty() && at + 1 < text.size() &&
                                 is_digit(text[at + 1]) && (text[at] == '.' || text[at] == ',')))) {
      if (text[at] != ',') digits += text[at];
      ++at;
    }
    if (digits.empty()) {
      ++at;
    } else {
      numbers.insert(std::move(digits));
    }
  }
  return numbers;
}

/// A digit, a bracket, a root, or a letter that stands alone, at either side of an operator.
bool is_operand(std::string_view text, bool last) {
  const std::string side = data::trim(text);
  if (side.empty()) return false;
  const std::size_t end = last ? side.size() - 1 : 0;
  const char c = side[end];
  if (is_digit(c) || c == (last ? ')' : '(') || c == (last ? '}' : '\\') || c == '$') return true;
  for (const std::string_view sign : {"√", "²", "³", "π"}) {
    const std::size_t from = last ? side.size() - std::min(side.size(), sign.size()) : 0;
    if (std::string_view(side).substr(from, sign.size()) == sign) return true;
  }
  if (!is_alpha(c)) return false;
  if (side.size() == 1) return true;
  const char neighbour = last ? side[end - 1] : side[1];
  return !is_alpha(neighbour) && static_cast<unsigned char>(neighbour) < 0x80;
}

constexpr std::array<std::string_view, 12> kArithmeticSigns{"+", "-", "*", "/", "(", ")",
                                                            "^", "×", "÷", "−", "√", "²"};

/// Length of an arithmetic sign, digit, point, comma or space at `at`; 0: something else.
std::size_t arithmetic_at(std::string_view text, std::size_t at) {
  if (is_digit(text[at]) || text[at] == '.' || text[at] == ' ' || text[at] == ',' ||
      text[at] == '$')
    return 1;
  for (const std::string_view sign : kArithmeticSigns)
    if (text.substr(at, sign.size()) == sign) return sign.size();
  return 0;
}

/// The longest run of arithmetic that ends the text.
std::string arithmetic_suffix(std::string_view text) {
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t n = arithmetic_at(text, at);
    at += n == 0 ? 1 : n;
    if (n == 0) begin = at;
  }
  return data::trim(text.substr(begin));
}

std::string arithmetic_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && arithmetic_at(text, at) > 0) at += arithmetic_at(text, at);
  // "2x" is no number; "25 apples" is.
  const bool glued =
      at < text.size() && at > 0 && text[at - 1] != ' ' && (is_alpha(text[at]) || text[at] == '_');
  std::string run = glued ? "" : data::trim(text.substr(0, at));
  while (!run.empty() && (run.back() == ',' || run.back() == '.' || run.back() == '('))
    run.pop_back();
  return data::trim(run);
}

/// Whether a run begins as an operand does: "+ 5" is the tail of something else.
bool is_complete(const std::string& run) {
  if (run.empty()) return false;
  return is_digit(run[0]) || run[0] == '(' || run[0] == '.' || run[0] == '$' ||
         starts_with(run, "√");
}

bool has_operator(const std::string& run) {
  for (const std::string_view sign : kArithmeticSigns)
    if (sign != "(" && sign != ")" && run.find(sign) != std::string::npos) return true;
  return false;
}

bool equation_holds(const std::string& left, const std::string& right, bool& readable) {
  const maths::Limits limits;
  const auto a = maths::parse(left, limits);
  const auto b = maths::parse(right, limits);
  double error = 0.0;
  readable = a.node && b.node && maths::numeric_distance(*b.node, *a.node, limits, error);
  if (!readable) return false;
  const std::size_t point = right.find('.');
  if (point == std::string::npos)
    return maths::compare(*a.node, *b.node, limits) == maths::Answer::Equal;
  // 1/3 = 0.33 is a rounded truth: half a unit of the last place is allowed.
  constexpr double kHalfUnit = 0.500001;
  const double places = static_cast<double>(right.size() - point - 1);
  return error * std::abs(std::strtod(right.c_str(), nullptr)) <=
         kHalfUnit * std::pow(10.0, -places);
}

void check_equations(std::string_view text, Facts& facts) {
  int all = 0;
  int right = 0;
  for (const std::string& line : data::split_at(text, "\n")) {
    const auto sides = data::split_at(line, "=");
    for (std::size_t k = 0; k + 1 < sides.size(); ++k) {
      const std::string left = arithmetic_suffix(sides[k]);
      const std::string value = arithmetic_prefix(sides[k + 1]);
      if (!is_complete(left) || !has_operator(left) || value.empty()) continue;
      bool readable = false;
      const bool holds = equation_holds(left, value, readable);
      all += readable ? 1 : 0;
      right += holds ? 1 : 0;
    }
  }
  facts.equations_applicable = all > 0;
  facts.equations_true = all == 0 ? 0.0 : static_cast<double>(right) / all;
}

/// What stands behind the last "=" of the thinking part, up to its line's end.
std::string last_result(const std::string& thinking) {
  const std::size_t sign = thinking.rfind('=');
  if (sign == std::string::npos) return {};
  std::string line = thinking.substr(sign + 1, thinking.find('\n', sign) - sign - 1);
  line = line.substr(0, line.find("≈"));
  std::string result = data::trim(line);
  while (!result.empty() && (result.back() == '.' || result.back() == ',')) result.pop_back();
  return result;
}

bool tags_in_order(std::string_view text, const TagOptions& tags) {
  const auto found = find_tags(text, tags);
  const std::size_t wanted = tags.answer.empty() ? 2 : 4;
  if (found.size() != wanted) return false;
  for (std::size_t k = 0; k < found.size(); ++k)
    if (found[k].closing != (k % 2 == 1) || found[k].is_answer != (k >= 2)) return false;
  return true;
}

}  // namespace

std::vector<std::string> reasoning_steps(std::string_view thinking, const QualityOptions& options) {
  std::vector<std::string> steps;
  for (const std::string& raw : data::split_at(thinking, "\n")) {
    std::string line = data::trim(raw);
    if (!line.empty() && is_step(line, options)) steps.push_back(std::move(line));
  }
  return steps;
}

double logical_flow(const std::vector<std::string>& steps, std::string_view problem) {
  std::set<std::string> known = numbers_of(problem);
  int linked = 0;
  for (const std::string& step : steps) {
    const auto values = numbers_of(step);
    linked += std::any_of(values.begin(), values.end(),
                          [&](const std::string& v) { return known.count(v) > 0; })
                  ? 1
                  : 0;
    known.insert(values.begin(), values.end());
  }
  return steps.empty() ? 0.0 : static_cast<double>(linked) / static_cast<double>(steps.size());
}

bool uses_operators(std::string_view text, const QualityOptions& options) {
  constexpr std::size_t kContext = 16;  // bytes looked at on either side
  for (const std::string& sign : options.operators) {
    if (sign.empty()) continue;
    for (std::size_t at = text.find(sign); at != text.npos;
         at = text.find(sign, at + sign.size())) {
      if (!options.operators_between_operands) return true;
      const std::size_t from = at - std::min(at, kContext);
      const bool unary = sign == "√" || sign == "=";
      const bool left = unary || is_operand(text.substr(from, at - from), true);
      if (left && is_operand(text.substr(at + sign.size(), kContext), false)) return true;
    }
  }
  return false;
}

double Facts::mean() const {
  double sum = tags_in_order + without_repetition;
  double count = 2.0;
  if (answer_applicable) {
    sum += answer_agrees;
    count += 1.0;
  }
  if (equations_applicable) {
    sum += equations_true;
    count += 1.0;
  }
  return sum / count;
}

Facts consistency_facts(std::string_view completion, const TagOptions& tags,
                        const QualityOptions& options) {
  Facts facts;
  const auto words = data::split_words(completion);
  if (words.empty()) return facts;
  facts.without_repetition =
      1.0 - data::repeated_ngram_share(words, static_cast<int>(options.ngram));
  facts.tags_in_order = tags_in_order(completion, tags) ? 1.0 : 0.0;
  check_equations(completion, facts);
  const Sections sections = split_sections(completion, tags);
  const std::string result = last_result(sections.thinking);
  if (!result.empty() && sections.both_think_tags) {
    const maths::Verdict verdict = maths::verify(result, sections.rest);
    facts.answer_applicable = verdict.reason != "unparsable_gold";
    facts.answer_agrees = verdict.score;
  }
  return facts;
}

}  // namespace r1::rewards
