#pragma once
// An open file whose errors name it, with the free-space reservation of a save.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/files.h"

namespace r1::checkpoint {

/// For a file of the run. Throws base::FileError "path: what: reason".
[[noreturn]] void throw_file_error(const std::string& path, const std::string& what, int error);

/// Reserves blocks for bytes [0, bytes) of an open file without changing its size; where the file
/// system has no fallocate, compares with its free space less a margin.
/// Throws: base::FileError naming path, needed and free bytes.
void reserve_space(int descriptor, std::uint64_t bytes, const std::string& path);

/// A file descriptor with an owner.
class PosixFile {
 public:
  enum class Mode { Read, Update, Create };
  /// Throws: as base::throw_file_error for `owner`; base::InputError when something else than a
  /// file is to be read.
  PosixFile(std::string path, Mode mode, base::FileOf owner = base::FileOf::Run);
  ~PosixFile();
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  const std::string& path() const { return path_; }
  int descriptor() const { return descriptor_; }
  std::uint64_t size() const;
  /// The system may read far ahead.
  void read_in_order() const;
  /// All `bytes` or an error; a file that ends early is an InputError.
  void read_at(std::uint64_t offset, void* data, std::size_t bytes) const;
  void write_at(std::uint64_t offset, const void* data, std::size_t bytes);
  /// Sets the size; also frees what was reserved behind it.
  void truncate(std::uint64_t size);
  /// Data and metadata on disk.
  void sync();

 private:
  std::string path_;
  int descriptor_ = -1;
};

}  // namespace r1::checkpoint
