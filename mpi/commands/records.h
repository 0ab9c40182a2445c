#pragma once
// JSONL in and out for the tools: strict, streaming, fields in their order, output all or nothing.
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace r1::mpi {

/// One line. Field order is kept.
struct Record {
  nlohmann::ordered_json fields;
  std::int64_t line = 0;  // from 1
};

/// Reads records one by one; empty lines are skipped. A tool's output must have a record for each
/// of its input, so a bad line is an error here, not a count.
class RecordReader {
 public:
  /// Throws: InputError naming the file.
  explicit RecordReader(std::string path);
  /// False at the end. Throws: InputError with file, line and reason.
  bool next(Record& record);
  const std::string& path() const { return path_; }

  /// The text of a string field. Throws: InputError.
  std::string text(const Record& record, const char* key) const;
  /// The numbers of a list of integers. Throws: InputError.
  std::vector<std::int64_t> integers(const Record& record, const char* key) const;
  /// Throws: InputError "file:line: reason".
  [[noreturn]] void fail(const Record& record, const std::string& reason) const;

 private:
  bool read_line(std::string& text);
  std::string path_;
  std::ifstream file_;
  std::int64_t line_ = 0;
};

/// Writes records into a hidden file beside `path`, which finish() puts in its place. Without
/// finish() nothing is left. A `path` that is a device or pipe ("/dev/stdout") is written directly.
class RecordWriter {
 public:
  /// Throws: InputError naming the file.
  explicit RecordWriter(std::string path);
  ~RecordWriter();
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  /// Throws: InputError when the disk refuses.
  void write(const nlohmann::ordered_json& fields);
  void finish();

 private:
  [[noreturn]] void fail(int error) const;
  void flush();

  std::string path_;
  std::string temporary_;  // empty: `path_` itself is written
  int file_ = -1;
  std::string buffer_;
};

}  // namespace r1::mpi
