#include "data/benchmark_records.h"

#include <fmt/format.h>

#include "base/errors.h"
#include "base/files.h"
#include "base/log.h"
#include "data/text.h"

namespace r1::data {
namespace {

using Json = nlohmann::json;
constexpr std::size_t kMostChoices = 10;  // A..J

std::string text_of(const Json& record, const char* name) {
  const auto found = record.find(name);
  return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// The texts of the choices; empty: no multiple choice.
std::vector<std::string> choices_of(const Json& record) {
  std::vector<std::string> choices;
  for (const char* name : {"choices", "options"}) {
    const auto list = record.find(name);
    if (list == record.end() || !list->is_array()) continue;
    for (const auto& choice : *list)
      choices.push_back(choice.is_string() ? choice.get<std::string>() : choice.dump());
    return choices.size() <= kMostChoices ? choices : std::vector<std::string>();
  }
  for (const char* name : {"A", "B", "C", "D"})
    if (record.contains(name))
      choices.push_back(record[name].is_string() ? record[name].get<std::string>()
                                                 : record[name].dump());
  return choices.size() == 4 ? choices : std::vector<std::string>();
}

/// "B" of the index 1, of "B" and of the text of the second choice; else as it is.
std::string letter_of(const Json& record, const std::vector<std::string>& choices,
                      const std::string& given) {
  for (const char* name : {"answer", "answer_index", "label"}) {
    const auto field = record.find(name);
    if (field == record.end()) continue;
    if (field->is_number_integer()) {
      const auto index = field->get<std::int64_t>();
      if (index >= 0 && index < static_cast<std::int64_t>(choices.size()))
        return std::string(1, static_cast<char>('A' + index));
    }
    for (std::size_t i = 0; i < choices.size(); ++i)
      if (field->is_string() && field->get<std::string>() == choices[i])
        return std::string(1, static_cast<char>('A' + i));
  }
  return given;
}

/// One row of CSV from `at` on; false at the end. Quoted fields may hold commas, quotes and lines.
bool next_row(const std::string& text, std::size_t& at, std::int64_t& line,
              std::vector<std::string>& fields) {
  fields.assign(1, "");
  if (at >= text.size()) return false;
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    line += c == '\n' ? 1 : 0;
    if (quoted) {
      const bool twice = c == '"' && at + 1 < text.size() && text[at + 1] == '"';
      if (c == '"' && !twice) {
        quoted = false;
      } else {
        fields.back() += c;
        at += twice ? 1 : 0;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
    } else if (c == '\n') {
      ++at;
      return true;
    } else if (c != '\r') {
      fields.back() += c;
    }
  }
  return true;
}

std::vector<Json> read_csv(const std::string& path, const JsonlLimits& limits) {
  const std::string text = base::read_file(path);
  std::size_t at = text.rfind("\xEF\xBB\xBF", 0) == 0 ? 3 : 0;
  std::int64_t line = 1;
  std::vector<std::string> names;
  std::vector<std::string> fields;
  std::vector<Json> records;
  std::int64_t bad = 0;
  if (!next_row(text, at, line, names)) throw base::InputError(path + ": the file is empty");
  for (std::int64_t first = line; next_row(text, at, line, fields); first = line) {
    if (fields.size() == 1 && trim(fields[0]).empty()) continue;
    const std::string reason =
        find_invalid_utf8(fmt::format("{}", fmt::join(fields, ","))) != std::string::npos
            ? "invalid UTF-8"
            : fmt::format("{} fields, expected {}", fields.size(), names.size());
    if (fields.size() != names.size() || reason == "invalid UTF-8") {
      base::log_warning("{}:{}: line left out: {}", path, first, reason);
      if (++bad > limits.bad_lines)
        throw base::InputError(fmt::format("{}: more than {} bad lines; last {}:{}: {}", path,
                                           limits.bad_lines, path, first, reason));
      continue;
    }
    Json& record = records.emplace_back(Json::object());
    for (std::size_t i = 0; i < names.size(); ++i) record[names[i]] = fields[i];
  }
  return records;
}

std::vector<Json> read_json_array(const std::string& path) {
  const Json list = Json::parse(base::read_file(path), nullptr, false);
  if (!list.is_array()) throw base::InputError(path + ": expected a JSON array of objects");
  std::vector<Json> records;
  for (const auto& record : list) {
    if (!record.is_object())
      throw base::InputError(fmt::format("{}: element {}: expected an object, found {}", path,
                                         records.size(), record.type_name()));
    records.push_back(record);
  }
  return records;
}

}  // namespace

void complete_benchmark_question(const Json& record, std::string& question, std::string& answer) {
  if (const auto choices = choices_of(record); !choices.empty()) {
    question += "\n";
    for (std::size_t i = 0; i < choices.size(); ++i)
      question += fmt::format("\n{}. {}", static_cast<char>('A' + i), choices[i]);
    question += "\n\nAnswer with the letter of the right choice.";
    answer = letter_of(record, choices, answer);
    return;
  }
  const std::string entry = text_of(record, "entry_point");
  if (!entry.empty() && record.contains("test")) {
    question = fmt::format(
        "Complete the Python function {}. Answer with the whole function, its "
        "imports included, in one block of code.\n\n```python\n{}\n```",
        entry, trim(text_of(record, "prompt")));
    answer.clear();
    return;
  }
  const auto tests = record.find("test_list");
  if (tests == record.end() || !tests->is_array() || tests->empty()) return;
  const std::string text = text_of(record, "text");
  question = text.empty() ? text_of(record, "prompt") : text;
  question += "\n\nAnswer with Python code in one block. It must pass this test:";
  if (tests->front().is_string()) question += "\n" + tests->front().get<std::string>();
  answer.clear();
}

std::vector<Json> read_record_file(const std::string& path, const JsonlLimits& limits) {
  if (path.ends_with(".csv")) return read_csv(path, limits);
  return path.ends_with(".json") ? read_json_array(path) : read_jsonl(path, limits);
}

}  // namespace r1::data
