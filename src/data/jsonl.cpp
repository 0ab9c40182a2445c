#include "data/jsonl.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/files.h"
#include "data/json_text.h"

namespace r1::data {
JsonlWriter::JsonlWriter(const std::string& path) : path_(path) {
  file_ = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (file_ < 0) fail("cannot open");
  std::int64_t whole = 0;
  std::vector<char> block(1 << 16);
  for (;;) {
    const ssize_t n = ::pread(file_, block.data(), block.size(), size_);
    if (n < 0) fail("cannot read");
    if (n == 0) break;
    for (ssize_t k = 0; k < n; ++k) {
      if (block[static_cast<std::size_t>(k)] != '\n') continue;
      ++lines_before_;
      whole = size_ + k + 1;
    }
    size_ += n;
  }
  if (whole < size_ && ::ftruncate(file_, whole) != 0) fail("cannot cut off the half-written line");
  size_ = whole;
}

JsonlWriter::~JsonlWriter() {
  if (file_ >= 0) ::close(file_);
}

void JsonlWriter::fail(const char* what) const {
  base::throw_file_error(path_, what, errno, base::FileOf::User);
}

void JsonlWriter::write(const nlohmann::json& record) {
  // A model's text may hold half a character: it is replaced, never an error.
  const std::string text = dump_json(record) + "\n";
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::pwrite(file_, text.data() + done, text.size() - done,
                               size_ + static_cast<std::int64_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int error = errno;
      if (::ftruncate(file_, size_) != 0) errno = error;
      errno = error;
      fail("cannot write");
    }
    done += static_cast<std::size_t>(n);
  }
  size_ += static_cast<std::int64_t>(text.size());
}

void JsonlWriter::sync() {
  if (::fsync(file_) != 0) fail("cannot flush");
}

}  // namespace r1::data
