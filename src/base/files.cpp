#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace r1::base {
namespace {

/// Whether another name, kind or permission would mend it.
bool is_about_the_name(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EACCES:
    case EPERM:
    case ELOOP:
    case ENAMETOOLONG:
    case EINVAL:
    case EEXIST:
    case ENOTEMPTY:
    case ENXIO:
    case ENODEV:
    case EXDEV:
      return true;
    default:
      return false;
  }
}

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "folder";
  if (S_ISFIFO(mode)) return "pipe";
  if (S_ISSOCK(mode)) return "socket";
  return "device";
}

}  // namespace

void throw_file_error(const std::string& path, const std::string& what, int error, FileOf owner) {
  const auto text = fmt::format("{}: {}: {}", path, what, std::strerror(error));
  if (owner == FileOf::User && is_about_the_name(error)) throw InputError(text);
  throw FileError(text);
}

InputFile::InputFile(std::string path, std::uint64_t max_bytes, FileOf owner)
    : path_(std::move(path)) {
  // Without O_NONBLOCK the opening of a pipe waits for its writer. A regular file ignores the flag.
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor_ < 0) throw_file_error(path_, "cannot open", errno, owner);
  struct stat status {};
  const int failure = ::fstat(descriptor_, &status) == 0 ? 0 : errno;
  size_ = static_cast<std::uint64_t>(status.st_size);
  if (failure == 0 && S_ISREG(status.st_mode) && size_ <= max_bytes) return;
  ::close(descriptor_);
  if (failure != 0) throw_file_error(path_, "cannot ask for its kind", failure, owner);
  if (!S_ISREG(status.st_mode))
    throw InputError(
        fmt::format("{}: expected a file, found a {}", path_, kind_of(status.st_mode)));
  throw InputError(
      fmt::format("{}: expected a file of at most {} bytes, found {}", path_, max_bytes, size_));
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_) {}

std::ifstream open_stream(const std::string& path) {
  const InputFile checked(path);
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw_file_error(path, "cannot open", errno, FileOf::User);
  return stream;
}

std::string read_file(const std::string& path, std::uint64_t max_bytes, FileOf owner) {
  const InputFile file(path, max_bytes, owner);
  constexpr std::size_t kBlockBytes = std::size_t{64} << 10;
  std::string content;
  // To the end, not to the size: files of /proc say that they have none.
  for (std::size_t done = 0;;) {
    content.resize(std::max<std::size_t>(static_cast<std::size_t>(file.size()), done) +
                   kBlockBytes);
    const ssize_t n = ::read(file.descriptor(), content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_file_error(path, "cannot read", errno, owner);
    done += static_cast<std::size_t>(n);
    if (done > max_bytes)
      throw InputError(
          fmt::format("{}: expected a file of at most {} bytes, found more", path, max_bytes));
    if (n > 0) continue;
    content.resize(done);
    return content;
  }
}

void write_file_atomically(const std::string& path, const std::string& content, FileOf owner) {
  const std::string temporary = fmt::format("{}.tmp.{}", path, ::getpid());
  const int file = ::open(temporary.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);
  bool ok = file >= 0;
  for (std::size_t done = 0; ok && done < content.size();) {
    const ssize_t n = ::write(file, content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = ENOSPC;
    ok = n > 0;
    done += ok ? static_cast<std::size_t>(n) : 0;
  }
  ok = ok && ::fsync(file) == 0;
  const int error = errno;
  if (file >= 0) ::close(file);
  if (!ok || ::rename(temporary.c_str(), path.c_str()) != 0) {
    const int reason = ok ? errno : error;
    ::unlink(temporary.c_str());
    throw_file_error(path, "cannot write", reason, owner);
  }
  const std::string parent = std::filesystem::path(path).parent_path();
  sync_folder(parent.empty() ? "." : parent);
}

void make_folders(const std::string& path, FileOf owner) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw_file_error(path, "cannot make the folder", error.value(), owner);
}

void sync_folder(const std::string& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) throw_file_error(path, "cannot open folder", errno, FileOf::Run);
  ::fsync(folder);
  ::close(folder);
}

}  // namespace r1::base
