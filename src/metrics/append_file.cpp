#include "metrics/append_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/files.h"
#include "base/log.h"

namespace r1::metrics {

AppendFile::AppendFile(std::string path) : path_(std::move(path)) {
  file_ = ::open(path_.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0) base::throw_file_error(path_, "cannot open for writing", errno, base::FileOf::Run);
}

AppendFile::~AppendFile() {
  write_pending();
  ::close(file_);
}

void AppendFile::append(std::string_view record) {
  if (pending_.size() + record.size() > kMaxPendingBytes) {
    ++num_lost_;
  } else {
    pending_.append(record);
  }
  write_pending();
}

void AppendFile::sync() {
  write_pending();
  ::fsync(file_);
}

void AppendFile::write_pending() {
  std::size_t done = 0;
  bool ok = true;
  while (ok && done < pending_.size()) {
    const ssize_t n = ::write(file_, pending_.data() + done, pending_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    ok = n > 0;
    done += ok ? static_cast<std::size_t>(n) : 0;
  }
  if (!ok && !failing_)
    base::log_warning("{}: cannot write: {}; the rows wait in memory", path_, std::strerror(errno));
  if (ok && failing_) base::log_info("{}: writing again, {} rows lost", path_, num_lost_);
  failing_ = !ok;
  pending_.erase(0, done);
}

}  // namespace r1::metrics
