#include "base/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/errors.h"

namespace r1::base {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw InputError(fmt::format("{}: cannot open: {}", path, std::strerror(errno)));
  if (std::filesystem::is_directory(path))
    throw InputError(fmt::format("{}: expected a file, found a folder", path));
  std::ostringstream content;
  content << file.rdbuf();
  if (file.bad()) throw InputError(fmt::format("{}: cannot read", path));
  return std::move(content).str();
}

void write_file_atomically(const std::string& path, const std::string& content) {
  const std::string temporary = fmt::format("{}.tmp.{}", path, ::getpid());
  const int file = ::open(temporary.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);
  bool ok = file >= 0;
  for (std::size_t done = 0; ok && done < content.size();) {
    const ssize_t n = ::write(file, content.data() + done, content.size() - done);
    ok = n > 0;
    done += ok ? static_cast<std::size_t>(n) : 0;
  }
  ok = ok && ::fsync(file) == 0;
  const int error = errno;
  if (file >= 0) ::close(file);
  if (!ok || ::rename(temporary.c_str(), path.c_str()) != 0) {
    ::unlink(temporary.c_str());
    throw InputError(fmt::format("{}: cannot write: {}", path, std::strerror(ok ? errno : error)));
  }
  const std::string parent = std::filesystem::path(path).parent_path();
  sync_folder(parent.empty() ? "." : parent);
}

void sync_folder(const std::string& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0)
    throw InputError(fmt::format("{}: cannot open folder: {}", path, std::strerror(errno)));
  ::fsync(folder);
  ::close(folder);
}

}  // namespace r1::base
