#include "data/benchmark_records.h"

#include <fmt/format.h>

#include "base/errors.h"
#include "base/files.h"
#include "base/log.h"
#include "data/choices.h"
#include "data/csv.h"
#include "data/json_text.h"
#include "data/text.h"

namespace r1::data {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& record, const char* name) {
  const auto found = record.find(name);
  return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// Counts bad records of a file and names each, up to the limit.
class BadRecords {
 public:
  BadRecords(const std::string& path, const JsonlLimits& limits) : path_(path), limits_(limits) {}

  void refuse(std::int64_t line, const std::string& reason) {
    base::log_warning("{}:{}: record left out: {}", path_, line, reason);
    if (++count_ > limits_.bad_lines)
      throw base::InputError(fmt::format("{}: more than {} bad lines; last {}:{}: {}", path_,
                                         limits_.bad_lines, path_, line, reason));
  }

 private:
  const std::string& path_;
  const JsonlLimits& limits_;
  std::int64_t count_ = 0;
};

std::vector<Json> read_csv(const std::string& path, const JsonlLimits& limits) {
  const std::string text = base::read_file(path);
  CsvReader reader(text);
  std::vector<std::string> names;
  std::vector<std::string> fields;
  std::vector<Json> records;
  BadRecords bad(path, limits);
  bool open_quote = false;
  if (!reader.next(names, open_quote)) throw base::InputError(path + ": the file is empty");
  if (open_quote) throw base::InputError(path + ":1: a quote is never closed");
  while (reader.next(fields, open_quote)) {
    if (fields.size() == 1 && trim(fields[0]).empty() && !open_quote) continue;
    std::string reason;
    if (open_quote)
      reason = "a quote that begins a field is never closed";
    else if (find_invalid_utf8(fmt::format("{}", fmt::join(fields, ","))) != std::string::npos)
      reason = "invalid UTF-8";
    else if (fields.size() != names.size())
      reason = fmt::format("{} fields, expected {}", fields.size(), names.size());
    if (!reason.empty()) {
      bad.refuse(reader.line(), reason);
      continue;
    }
    Json& record = records.emplace_back(Json::object());
    for (std::size_t i = 0; i < names.size(); ++i) record[names[i]] = fields[i];
  }
  return records;
}

/// The lines on which the elements of an array begin, from 1.
std::vector<std::int64_t> element_lines(const std::string& text) {
  std::vector<std::int64_t> lines;
  std::int64_t line = 1;
  int depth = 0;
  bool inside_text = false;
  bool awaited = false;  // an element, behind '[' or ','
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\n' || (c == '\r' && (at + 1 == text.size() || text[at + 1] != '\n'))) ++line;
    if (inside_text) {
      if (c == '\\') ++at;
      if (c == '"') inside_text = false;
      continue;
    }
    const bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (depth == 1 && awaited && !blank && c != ']') {
      lines.push_back(line);
      awaited = false;
    }
    if (c == '"') inside_text = true;
    if (c == '{' || c == '[') awaited = ++depth == 1;
    if (c == '}' || c == ']') --depth;
    if (c == ',' && depth == 1) awaited = true;
  }
  return lines;
}

std::vector<Json> read_json_array(const std::string& path, const std::string& text,
                                  const JsonlLimits& limits) {
  Json list;
  try {
    list = parse_json<Json>(text, limits.nesting + 1);
  } catch (const base::InputError& error) {
    throw base::InputError(fmt::format("{}: {}", path, error.what()));
  }
  const auto lines = element_lines(text);
  std::vector<Json> records;
  BadRecords bad(path, limits);
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].is_object())
      records.push_back(std::move(list[i]));
    else
      bad.refuse(i < lines.size() ? lines[i] : 0,
                 fmt::format("element {}: expected an object, found {}", i, list[i].type_name()));
  }
  return records;
}

/// Whether a file holds one JSON array; else it may hold JSON lines under another name.
bool begins_array(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  return first != std::string::npos && text[first] == '[';
}

}  // namespace

void complete_benchmark_question(const Json& record, std::string& question, std::string& answer) {
  if (const Choices choices = read_choices(record); !choices.empty()) {
    question += "\n";
    for (std::size_t i = 0; i < choices.texts.size(); ++i)
      question += fmt::format("\n{}. {}", static_cast<char>('A' + i), choices.texts[i]);
    question += "\n\nAnswer with the letter of the right choice.";
    answer = right_letter(record, choices);
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
  if (!path.ends_with(".json")) return read_jsonl(path, limits);
  const std::string text = base::read_file(path);
  return begins_array(text) ? read_json_array(path, text, limits) : read_jsonl(path, limits);
}

}  // namespace r1::data
