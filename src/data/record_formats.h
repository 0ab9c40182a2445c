#pragma once
// The forms of record files: JSON lines, JSON arrays, rows with a header. Each is read in a stream.
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <streambuf>
#include <string>

namespace r1::data {

struct RecordLimits {
  std::int64_t line_bytes = std::int64_t{16} << 20;  // of one record
  std::int64_t bad_lines = 100;                      // more in one file are an error
  int nesting = 64;                                  // of arrays and objects
};

/// A file that is read from front to back.
class RecordFormat {
 public:
  virtual ~RecordFormat() = default;
  /// Reads on. False: the end. `line`: where the record begins, from 1. `reason`: why it is none;
  /// empty: `record` holds an object. Throws: InputError without the file's name when the rest of
  /// the file cannot be read.
  virtual bool next(nlohmann::json& record, std::int64_t& line, std::string& reason) = 0;
};

/// Objects on lines that end in LF, CRLF or CR; an empty line is skipped. `first_line`: the number
/// of the first line.
std::unique_ptr<RecordFormat> json_lines(std::unique_ptr<std::streambuf> source,
                                         const RecordLimits& limits, std::int64_t first_line = 1);
/// A file of JSON: one array of objects, JSON lines, or objects that have several lines each (also
/// one alone): the first character decides, and whether the first line ends with '}'.
std::unique_ptr<RecordFormat> json_values(const std::string& path, const RecordLimits& limits);
/// Rows (csv.h) whose first one names the columns; each field is a text. A first row that is one of
/// MMLU's questions (question, four choices, a letter from A to D) names none: the columns are then
/// question, A, B, C, D, answer.
std::unique_ptr<RecordFormat> separated_values(std::unique_ptr<std::streambuf> source,
                                               char separator, const RecordLimits& limits);

}  // namespace r1::data
