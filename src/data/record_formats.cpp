#include "data/record_formats.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/errors.h"
#include "base/log.h"
#include "data/byte_source.h"
#include "data/csv.h"
#include "data/json_text.h"
#include "data/text.h"

namespace r1::data {
namespace {

using Json = nlohmann::json;
constexpr int kEnd = std::char_traits<char>::eof();

/// Why a text is no record, with the record in `json` when it is one.
std::string reason_against(const std::string& text, const RecordLimits& limits, Json& json) {
  const std::size_t nul = text.find('\0');
  if (nul != std::string::npos) return fmt::format("NUL byte at column {}", nul + 1);
  const std::size_t invalid = find_invalid_utf8(text);
  if (invalid != std::string::npos) return fmt::format("invalid UTF-8 at column {}", invalid + 1);
  try {
    json = parse_json<Json>(text, limits.nesting);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return json.is_object() ? "" : "expected an object, found " + std::string(json.type_name());
}

/// Moves behind a byte order mark.
void skip_mark(std::streambuf& source) {
  if (source.sgetc() == 0xEF)
    for (int i = 0; i < 3; ++i) source.sbumpc();
}

class JsonLines final : public RecordFormat {
 public:
  JsonLines(std::unique_ptr<std::streambuf> source, const RecordLimits& limits,
            std::int64_t first_line)
      : source_(std::move(source)), limits_(limits), line_(first_line - 1) {}

  bool next(Json& record, std::int64_t& line, std::string& reason) override {
    std::string text;
    bool too_long = false;
    while (read_line(text, too_long)) {
      line = ++line_;
      if (!too_long && trim(text).empty() && text.find('\0') == std::string::npos) continue;
      reason = too_long ? fmt::format("longer than {} bytes", limits_.line_bytes)
                        : reason_against(text, limits_, record);
      return true;
    }
    return false;
  }

 private:
  bool read_line(std::string& text, bool& too_long) {
    text.clear();
    too_long = false;
    for (int c = source_->sbumpc();; c = source_->sbumpc()) {
      if (c == kEnd) return !text.empty() || too_long;
      if (c == '\n') return true;
      if (c == '\r') {  // CR alone ends a line too
        if (source_->sgetc() == '\n') source_->sbumpc();
        return true;
      }
      if (static_cast<std::int64_t>(text.size()) < limits_.line_bytes)
        text += static_cast<char>(c);
      else
        too_long = true;
    }
  }

  std::unique_ptr<std::streambuf> source_;
  RecordLimits limits_;
  std::int64_t line_;
};

/// The elements of one array, where `source` stands behind its '['; or objects that follow each
/// other and may have several lines each.
class JsonValues final : public RecordFormat {
 public:
  JsonValues(std::unique_ptr<std::streambuf> source, const RecordLimits& limits, std::int64_t line,
             bool in_array)
      : source_(std::move(source)), limits_(limits), line_(line), in_array_(in_array) {}

  bool next(Json& record, std::int64_t& line, std::string& reason) override {
    if (ended_) return false;
    int c = skip_blanks();
    if (in_array_ && index_ == 0 && c == ']') return end();
    if (!in_array_ && c == kEnd) return false;
    if (!in_array_ && c != '{') fail(fmt::format("expected an object, found {}", name_of(c)));
    if (in_array_ && (c == ']' || c == ',' || c == kEnd))
      fail(fmt::format("expected element {}, found {}", index_, name_of(c)));
    line = line_;
    std::string text;
    const bool too_long = !read_element(c, text);
    if (in_array_) {
      c = skip_blanks();
      if (c == ']')
        end();
      else if (c != ',')
        fail(fmt::format("expected ',' or ']' behind element {}, found {}", index_, name_of(c)));
    }
    reason = too_long ? fmt::format("longer than {} bytes", limits_.line_bytes)
                      : reason_against(text, limits_, record);
    // What is no JSON makes all brackets behind it doubtful.
    if (reason.starts_with("not JSON"))
      fail(fmt::format("element {}{}", index_, reason.substr(std::string("not JSON").size())));
    if (!reason.empty()) reason = fmt::format("element {}: {}", index_, reason);
    ++index_;
    return true;
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    throw base::InputError(fmt::format("line {}: not JSON: {}", line_, reason));
  }
  static std::string name_of(int c) {
    return c == kEnd ? "the end of the file" : fmt::format("'{}'", static_cast<char>(c));
  }

  int read() {
    const int c = source_->sbumpc();
    if (c == '\n' || (c == '\r' && source_->sgetc() != '\n')) ++line_;
    return c;
  }
  int skip_blanks() {
    int c = read();
    while (c == ' ' || c == '\t' || c == '\n' || c == '\r') c = read();
    return c;
  }

  /// What stands behind the array; false, so that next() can return it.
  bool end() {
    ended_ = true;
    if (const int c = skip_blanks(); c != kEnd)
      fail(fmt::format("expected the end of the file behind the array, found {}", name_of(c)));
    return false;
  }

  /// One value, from its first character on, up to where ',' or ']' follows; false: too long.
  bool read_element(int c, std::string& text) {
    int depth = 0;
    bool too_long = false, in_string = false;
    for (;; c = read()) {
      if (c == kEnd) fail(fmt::format("the file ends inside element {}", index_));
      if (static_cast<std::int64_t>(text.size()) < limits_.line_bytes)
        text += static_cast<char>(c);
      else
        too_long = true;
      if (in_string) {
        if (c == '\\') {
          const int escaped = read();
          if (escaped != kEnd && !too_long) text += static_cast<char>(escaped);
        }
        in_string = c != '"';
      } else if (c == '"') {
        in_string = true;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (c == '}' || c == ']') {
        --depth;
      }
      const int following = source_->sgetc();
      const bool closes = !in_array_ || following == ',' || following == ']' || following == kEnd;
      if (depth <= 0 && !in_string && closes) return !too_long;
    }
  }

  std::unique_ptr<std::streambuf> source_;
  RecordLimits limits_;
  std::int64_t line_;
  bool in_array_;
  std::int64_t index_ = 0;
  bool ended_ = false;
};

class SeparatedValues final : public RecordFormat {
 public:
  SeparatedValues(std::unique_ptr<std::streambuf> source, char separator,
                  const RecordLimits& limits)
      : source_(std::move(source)),
        rows_(*source_, separator, static_cast<std::size_t>(limits.line_bytes)) {
    bool open_quote = false;
    if (!rows_.next(names_, open_quote)) throw base::InputError("the file is empty");
    if (open_quote) throw base::InputError("line 1: a quote is never closed");
    if (is_mmlu_question(names_)) {
      first_ = std::exchange(names_, {"question", "A", "B", "C", "D", "answer"});
      base::log_info("a table without a header: question, four choices and a letter, as MMLU's");
    }
    check_names(separator);
  }

  bool next(Json& record, std::int64_t& line, std::string& reason) override {
    bool open_quote = false;
    while (next_row(open_quote)) {
      if (fields_.size() == 1 && trim(fields_[0]).empty() && !open_quote) continue;
      line = rows_.line();
      reason = open_quote ? "a quote that begins a field is never closed" : reason_against_fields();
      if (!reason.empty()) return true;
      record = Json::object();
      for (std::size_t i = 0; i < names_.size(); ++i) record[names_[i]] = fields_[i];
      return true;
    }
    return false;
  }

 private:
  /// MMLU's tables begin with a question: question, four choices, and the right one's letter.
  static bool is_mmlu_question(const std::vector<std::string>& row) {
    return row.size() == 6 && row[5].size() == 1 && row[5][0] >= 'A' && row[5][0] <= 'D';
  }

  bool next_row(bool& open_quote) {
    if (first_.empty()) return rows_.next(fields_, open_quote);
    fields_ = std::exchange(first_, {});
    return true;
  }

  /// The first line names each column once.
  void check_names(char separator) {
    for (std::string& name : names_) name = trim(name);
    const std::string other = separator == ',' ? ";\t" : ",;";
    if (names_.size() == 1 && names_[0].find_first_of(other) != std::string::npos)
      throw base::InputError(
          fmt::format("line 1: one column \"{}\": the columns of a .csv file are separated by "
                      "commas, those of a .tsv file by tabs",
                      names_[0]));
    for (auto name = names_.begin(); name != names_.end(); ++name)
      if (!name->empty() && std::find(names_.begin(), name, *name) != name)
        throw base::InputError(fmt::format("line 1: two columns are named \"{}\"", *name));
  }

  std::string reason_against_fields() const {
    if (find_invalid_utf8(fmt::format("{}", fmt::join(fields_, ","))) != std::string::npos)
      return "invalid UTF-8";
    if (fields_.size() != names_.size())
      return fmt::format("{} fields, expected {}", fields_.size(), names_.size());
    return "";
  }

  std::unique_ptr<std::streambuf> source_;
  CsvReader rows_;
  std::vector<std::string> names_, fields_;
  std::vector<std::string> first_;  // the first row, where it is no header, until it is read
};

/// Whether the first line of a file that is not empty ends an object, so that each line is to be
/// one.
bool begins_with_whole_object(const std::string& path, const RecordLimits& limits) {
  const std::unique_ptr<std::streambuf> source = open_bytes(path);
  std::string line;
  for (int c = source->sbumpc(); c != kEnd; c = source->sbumpc()) {
    const bool ends = c == '\n' || c == '\r';
    if (ends && !trim(line).empty()) break;
    if (!ends) line += static_cast<char>(c);
    if (static_cast<std::int64_t>(line.size()) > limits.line_bytes) break;
  }
  return trim(line).ends_with('}');
}

}  // namespace

std::unique_ptr<RecordFormat> json_lines(std::unique_ptr<std::streambuf> source,
                                         const RecordLimits& limits, std::int64_t first_line) {
  if (first_line == 1) skip_mark(*source);
  return std::make_unique<JsonLines>(std::move(source), limits, first_line);
}

std::unique_ptr<RecordFormat> json_values(const std::string& path, const RecordLimits& limits) {
  const bool has_lines = begins_with_whole_object(path, limits);
  std::unique_ptr<std::streambuf> source = open_bytes(path);
  skip_mark(*source);
  std::int64_t line = 1;
  int c = source->sgetc();
  for (; c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = source->sgetc()) {
    source->sbumpc();
    if (c == '\n' || (c == '\r' && source->sgetc() != '\n')) ++line;
  }
  if (c != '[' && (c != '{' || has_lines))
    return std::make_unique<JsonLines>(std::move(source), limits, line);
  if (c == '[') source->sbumpc();
  return std::make_unique<JsonValues>(std::move(source), limits, line, c == '[');
}

std::unique_ptr<RecordFormat> separated_values(std::unique_ptr<std::streambuf> source,
                                               char separator, const RecordLimits& limits) {
  return std::make_unique<SeparatedValues>(std::move(source), separator, limits);
}

}  // namespace r1::data
