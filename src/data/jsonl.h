#pragma once
// Writes JSON lines into files that survive a kill.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace r1::data {

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
