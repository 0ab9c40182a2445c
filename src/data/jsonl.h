#pragma once
// JSON lines: a streaming reader that names every bad line, and a writer whose files survive a
// kill.
#include <cstdint>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace r1::data {

/// Why a line was left out. `line` counts from 1.
struct BadLine {
  std::string file;
  std::int64_t line = 0;
  std::string reason;
};

struct JsonlLimits {
  std::int64_t line_bytes = std::int64_t{16} << 20;
  std::int64_t bad_lines = 100;  // more in one file are an error
  int nesting = 64;              // of arrays and objects
};

/// Reads objects (json_text.h) one by one from lines that end in LF, CRLF or CR. A line that is
/// none is counted, logged by the caller, and skipped; an empty line is skipped silently.
class JsonlReader {
 public:
  /// Throws: as base::open_stream.
  explicit JsonlReader(const std::string& path, const JsonlLimits& limits = {});

  /// The next good record; false at the end. Throws: InputError with file, line and reason of the
  /// first and last bad line when there are more than the limit allows.
  bool next(nlohmann::json& record);
  /// Line of the last record returned.
  std::int64_t line() const { return line_; }
  const std::vector<BadLine>& bad_lines() const { return bad_; }
  /// Counts the record just returned as a bad line. Throws: InputError beyond the limit.
  void refuse(const std::string& reason);

 private:
  bool read_line(std::string& text, bool& too_long);

  std::string path_;
  JsonlLimits limits_;
  std::ifstream file_;
  std::int64_t line_ = 0;
  std::vector<BadLine> bad_;
};

/// Calls `use` with each record and its place "file:line". A record that `use` refuses by an
/// InputError is a bad line like one that is no JSON. Returns the bad lines, logged as warnings.
/// Throws: InputError beyond the limit.
std::vector<BadLine> read_records(
    const std::string& path, const JsonlLimits& limits,
    const std::function<void(nlohmann::json&& record, const std::string& where)>& use);
/// All good records of a file; bad lines are logged as warnings. Throws: InputError.
std::vector<nlohmann::json> read_jsonl(const std::string& path, const JsonlLimits& limits = {});

/// Appends one record a write(2), so that a line is there whole or not at all.
class JsonlWriter {
 public:
  /// Opens `path` for appending and cuts off a half-written last line (no newline at its end),
  /// which only a kill leaves. Throws: as base::throw_file_error
  /// does.
  explicit JsonlWriter(const std::string& path);
  ~JsonlWriter();
  JsonlWriter(const JsonlWriter&) = delete;
  JsonlWriter& operator=(const JsonlWriter&) = delete;

  /// Throws: FileError when the disk refuses; what was written of the line is cut off again.
  void write(const nlohmann::json& record);
  /// Flushes to disk. Throws: FileError.
  void sync();
  /// Lines found whole when the file was opened.
  std::int64_t lines_before() const { return lines_before_; }
  std::int64_t bytes() const { return size_; }

 private:
  [[noreturn]] void fail(const char* what) const;

  std::string path_;
  int file_ = -1;
  std::int64_t size_ = 0;
  std::int64_t lines_before_ = 0;
};

}  // namespace r1::data
