#pragma once
// A file that grows by whole records and whose full disk does not end the run.
#include <cstdint>
#include <string>
#include <string_view>

namespace r1::metrics {

/// Appends to a file; every record reaches the operating system before append() returns, so a
/// killed process loses nothing. When the disk is full, records wait in memory (up to
/// kMaxPendingBytes) and are written with a later append; a warning is logged once per failure.
class AppendFile {
 public:
  static constexpr std::size_t kMaxPendingBytes = std::size_t{16} << 20;

  /// Opens or creates `path`. Throws: FileError naming the file.
  explicit AppendFile(std::string path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  void append(std::string_view record);
  /// Flushes to the disk itself (fsync); called with a checkpoint.
  void sync();
  const std::string& path() const { return path_; }
  /// Records given up because too many were waiting.
  std::int64_t num_lost() const { return num_lost_; }

 private:
  void write_pending();

  std::string path_;
  int file_ = -1;
  std::string pending_;
  bool failing_ = false;
  std::int64_t num_lost_ = 0;
};

}  // namespace r1::metrics
