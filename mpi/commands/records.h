#pragma once
// JSONL input and output of the tools: strict and streaming; fields keep their order; output is
// written completely or not at all.
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace r1::mpi {

/// One record. The order of fields is kept.
struct Record {
  nlohmann::ordered_json fields;
  std::int64_t line = 0;  // from 1
};

/// Reads records one by one; empty lines are skipped. A bad line is an error, because the output of
/// a tool must have one record per input record.
class RecordReader {
 public:
  /// Throws: InputError naming the file.
  explicit RecordReader(std::string path);
  /// False at the end. Throws: InputError with file, line and reason.
  bool next(Record& record);
  const std::string& path() const { return path_; }

  /// The value of a string field. Throws: InputError.
  std::string text(const Record& record, const char* key) const;
  /// The values of a field with a list of integers. Throws: InputError.
  std::vector<std::int64_t> integers(const Record& record, const char* key) const;
  /// Throws: InputError "file:line: reason".
  [[noreturn]] void fail(const Record& record, const std::string& reason) const;

 private:
  bool read_line(std::string& text);
  std::string path_;
  std::ifstream file_;
  std::int64_t line_ = 0;
};

/// Writes records to a hidden file beside `path`, which finish() renames to `path`. Without
/// finish() no file remains. A `path` that is a device or pipe ("/dev/stdout") is written directly.
class RecordWriter {
 public:
  /// Throws: InputError naming the file.
  explicit RecordWriter(std::string path);
  ~RecordWriter();
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  /// Throws: InputError if the disk refuses.
  void write(const nlohmann::ordered_json& fields);
  void finish();

 private:
  [[noreturn]] void fail(int error) const;
  void flush();

  std::string path_;
  std::string temporary_;  // empty: `path_` is written directly
  int file_ = -1;
  std::string buffer_;
};

}  // namespace r1::mpi
