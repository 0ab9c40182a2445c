#pragma once
// Files: the one opening of what is read, writes that are whole or not at all, and the one place
// that decides what a refusal of the file system means for the run.
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>

#include "base/errors.h"

namespace r1::base {

/// The file system, a disk or a node refused: nothing that a user's change of the command would
/// mend. A run that can go on warns and tries again; else the job may be queued again.
struct FileError : Error {
  explicit FileError(const std::string& message) : Error(message, ExitCode::Failure) {}
};

/// Whose file an operation was refused on: one that the user named, or one that the run itself made
/// and expects to find.
enum class FileOf { User, Run };

/// Throws "path: what: reason". InputError (exit code 2) when the user named the file and the error
/// is about names, kinds or permissions (ENOENT, ENOTDIR, EISDIR, EACCES, EPERM, …), which only the
/// user can mend; FileError (exit code 3) otherwise: a full, read-only or broken disk, a lost
/// server, too many open files, or a file of the run that is gone.
[[noreturn]] void throw_file_error(const std::string& path, const std::string& what, int error,
                                   FileOf owner);

/// A file that is read, opened: kind and size are asked before the first byte. Every reader of
/// files opens them by this class, so a device, a pipe or a folder in a file's place can neither
/// block nor fill the memory.
class InputFile {
 public:
  static constexpr std::uint64_t kAnySize = ~std::uint64_t{0};

  /// Throws: InputError naming the file, what it is and what was expected (a regular file of at
  /// most `max_bytes`); throw_file_error() when it cannot be opened.
  explicit InputFile(std::string path, std::uint64_t max_bytes = kAnySize,
                     FileOf owner = FileOf::User);
  ~InputFile();
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;

  const std::string& path() const { return path_; }
  int descriptor() const { return descriptor_; }
  /// Gives the descriptor away.
  int release() { return std::exchange(descriptor_, -1); }
  std::uint64_t size() const { return size_; }

 private:
  std::string path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

/// A stream over such a file, for formats that are read piece by piece. Throws: as InputFile.
std::ifstream open_stream(const std::string& path);

/// The whole of a text that is kept in memory (JSON, TOML, templates, tables).
inline constexpr std::uint64_t kMaxTextBytes = std::uint64_t{1} << 30;
/// The whole file. Throws: as InputFile; FileError when it cannot be read.
std::string read_file(const std::string& path, std::uint64_t max_bytes = kMaxTextBytes,
                      FileOf owner = FileOf::User);
/// Writes `path` complete or not at all: temporary file, fsync, rename, fsync of the folder.
/// Throws: throw_file_error().
void write_file_atomically(const std::string& path, const std::string& content,
                           FileOf owner = FileOf::User);
/// Makes a folder and those above it. Throws: throw_file_error().
void make_folders(const std::string& path, FileOf owner = FileOf::User);
/// Flushes a folder's entries to disk. Throws: FileError.
void sync_folder(const std::string& path);

}  // namespace r1::base
