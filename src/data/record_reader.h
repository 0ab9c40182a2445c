#pragma once
// Records of a file or a dataset folder, one by one, whatever the file's form. Every record that
// cannot be used is named with its place.
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/record_formats.h"

namespace r1::data {

/// Why a record was left out. `line` counts from 1; in a table (Parquet, Arrow) it is the row.
struct BadLine {
  std::string file;
  std::int64_t line = 0;
  std::string reason;
};

/// Reads one file, or the files of one split of a Hugging Face dataset folder (dataset_folder.h).
/// The form is known by the file's content where that says so, else by its name, also where ".gz"
/// or
/// ".zst" follows:
///   Parquet; Arrow's file and stream forms (arrow_tables.h)
///   .csv, .tsv: the first row names the columns
///   .json: an array of objects where it begins with '['; else objects, on a line or on several
///   anything else: JSON lines
/// A record that is none is counted, logged by the caller, and skipped.
class RecordReader {
 public:
  /// Throws: InputError naming the file when it cannot be opened.
  explicit RecordReader(const std::string& path, const RecordLimits& limits = {});

  /// The next good record; false at the end. Throws: InputError with file, line and reason of the
  /// first and last bad record when there are more than the limit allows, and for a file that is
  /// damaged.
  bool next(nlohmann::json& record);
  /// Line or row of the last record returned, and with its file: "data.jsonl:3".
  std::int64_t line() const { return line_; }
  std::string where() const;
  const std::vector<BadLine>& bad_lines() const { return bad_; }
  /// Counts the record just returned as a bad one. Throws: InputError beyond the limit.
  void refuse(const std::string& reason);

 private:
  RecordLimits limits_;
  std::vector<std::string> files_;
  std::size_t opened_ = 0;  // files; the last of them is read
  std::unique_ptr<RecordFormat> format_;
  std::int64_t line_ = 0;
  std::vector<BadLine> bad_;
};

/// Calls `use` with each record and its place "file:line". A record that `use` refuses by an
/// InputError is a bad one too. Returns the bad ones, logged as warnings. Throws: InputError beyond
/// the limit, and when all records are bad.
std::vector<BadLine> read_records(
    const std::string& path, const RecordLimits& limits,
    const std::function<void(nlohmann::json&& record, const std::string& where)>& use);
/// All good records; bad ones are logged as warnings. Throws: InputError.
std::vector<nlohmann::json> read_record_file(const std::string& path,
                                             const RecordLimits& limits = {});
/// The first good record and its place; an empty place: there is none. Throws: InputError.
nlohmann::json first_record(const std::string& path, std::string& where);

}  // namespace r1::data
