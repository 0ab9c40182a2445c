#pragma once
// An append-only file of whole records; a full disk does not end the run.
#include <cstdint>
#include <string>
#include <string_view>

namespace r1::metrics {

/// Appends records to a file. Every record reaches the operating system before append() returns, so
/// a killed process loses nothing. If the disk is full, records wait in memory (up to
/// kMaxPendingBytes) and are written by a later append; each failure logs one warning.
class AppendFile {
 public:
  static constexpr std::size_t kMaxPendingBytes = std::size_t{16} << 20;

  /// Opens or creates `path`. Throws: FileError naming the file.
  explicit AppendFile(std::string path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  void append(std::string_view record);
  /// Flushes the file to the disk (fsync); called with a checkpoint.
  void sync();
  const std::string& path() const { return path_; }
  /// Number of records that were dropped because too many records were waiting.
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
