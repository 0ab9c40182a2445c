#include "checkpoint/posix_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/files.h"

namespace r1::checkpoint {
namespace {

// Left free where space can only be looked at, not reserved: other ranks write at the same time.
constexpr std::uint64_t kMinimumMargin = std::uint64_t{64} << 20;

void compare_with_free_space(int descriptor, std::uint64_t bytes, const std::string& path) {
  struct statvfs system {};
  if (::fstatvfs(descriptor, &system) != 0)
    throw_file_error(path, "cannot ask for free space", errno);
  const std::uint64_t free = std::uint64_t{system.f_bavail} * system.f_frsize;
  const std::uint64_t needed = bytes + std::max(kMinimumMargin, bytes / 50);
  if (free < needed)
    throw base::FileError(fmt::format("{}: needs {} bytes with margin, the file system has {} free",
                                      path, needed, free));
}

}  // namespace

void throw_file_error(const std::string& path, const std::string& what, int error) {
  base::throw_file_error(path, what, error, base::FileOf::Run);
}

void reserve_space(int descriptor, std::uint64_t bytes, const std::string& path) {
  if (bytes == 0) return;
  int error = 0;
  do {
    const bool ok = ::fallocate(descriptor, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes)) == 0;
    error = ok ? 0 : errno;
  } while (error == EINTR);
  if (error == EOPNOTSUPP || error == ENOSYS || error == EINVAL)
    return compare_with_free_space(descriptor, bytes, path);
  if (error != 0) throw_file_error(path, fmt::format("cannot reserve {} bytes", bytes), error);
}

PosixFile::PosixFile(std::string path, Mode mode, base::FileOf owner) : path_(std::move(path)) {
  if (mode == Mode::Read) {
    descriptor_ = base::InputFile(path_, base::InputFile::kAnySize, owner).release();
    return;
  }
  const int flags = mode == Mode::Update ? O_RDWR : O_RDWR | O_CREAT | O_TRUNC;
  descriptor_ = ::open(path_.c_str(), flags | O_CLOEXEC, 0644);
  if (descriptor_ < 0) base::throw_file_error(path_, "cannot open", errno, owner);
}

PosixFile::~PosixFile() {
  ::close(descriptor_);
}

std::uint64_t PosixFile::size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) throw_file_error(path_, "cannot stat", errno);
  return static_cast<std::uint64_t>(status.st_size);
}

void PosixFile::read_at(std::uint64_t offset, void* data, std::size_t bytes) const {
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t n = ::pread(descriptor_, static_cast<char*>(data) + done, bytes - done,
                              static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_file_error(path_, "cannot read", errno);
    if (n == 0)
      throw base::InputError(fmt::format("{}: ends at byte {}, expected at least {}", path_,
                                         offset + done, offset + bytes));
    done += static_cast<std::size_t>(n);
  }
}

void PosixFile::write_at(std::uint64_t offset, const void* data, std::size_t bytes) {
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t n = ::pwrite(descriptor_, static_cast<const char*>(data) + done, bytes - done,
                               static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw_file_error(path_, "cannot write", n == 0 ? ENOSPC : errno);
    done += static_cast<std::size_t>(n);
  }
}

void PosixFile::read_in_order() const {
  ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_SEQUENTIAL);
}

void PosixFile::truncate(std::uint64_t size) {
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0)
    throw_file_error(path_, "cannot set the size", errno);
}

void PosixFile::sync() {
  if (::fsync(descriptor_) != 0) throw_file_error(path_, "cannot flush to disk", errno);
}

}  // namespace r1::checkpoint
