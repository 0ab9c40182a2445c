#include "rewards/sandbox/landlock.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace r1::rewards::sandbox {
namespace {

// The kernel's interface, written out: older systems' headers lack parts of it.
constexpr long kCreateRuleset = 444, kAddRule = 445, kRestrictSelf = 446;
constexpr std::uint32_t kAskVersion = 1;
constexpr int kRulePathBeneath = 1;
constexpr std::uint64_t kExecute = 1 << 0, kReadFile = 1 << 2, kReadFolder = 1 << 3;
constexpr std::uint64_t kTruncate = 1 << 14, kWriteFile = 1 << 1, kDeviceIoctl = 1 << 15;
constexpr std::uint64_t kOfFiles = kExecute | kReadFile | kWriteFile | kTruncate | kDeviceIoctl;
constexpr std::uint64_t kTcp = 3, kSignalsAndAbstractSockets = 3;

struct Ruleset {
  std::uint64_t files;
  std::uint64_t network;  // from version 4
  std::uint64_t scopes;   // from version 6
};

struct __attribute__((packed)) PathRule {
  std::uint64_t allowed;
  std::int32_t folder;
};

std::uint64_t all_file_rights(int version) {
  if (version >= 5) return 0xffff;
  if (version >= 3) return 0x7fff;
  return version == 2 ? 0x3fff : 0x1fff;
}

int allow(int ruleset, const std::string& path, std::uint64_t rights) {
  const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : errno;
  struct stat status {};
  ::fstat(fd, &status);
  PathRule rule{S_ISDIR(status.st_mode) ? rights : rights & kOfFiles, fd};
  const long failed = ::syscall(kAddRule, ruleset, kRulePathBeneath, &rule, 0);
  const int error = failed != 0 ? errno : 0;
  ::close(fd);
  return error;
}

}  // namespace

int landlock_version() {
  const long version = ::syscall(kCreateRuleset, nullptr, 0, kAskVersion);
  return version > 0 ? static_cast<int>(version) : 0;
}

int restrict_files(const std::vector<std::string>& readable,
                   const std::vector<std::string>& writable) {
  const int version = landlock_version();
  if (version == 0) return ENOSYS;
  const std::uint64_t all = all_file_rights(version);
  const Ruleset rules{all, kTcp, kSignalsAndAbstractSockets};
  const std::size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
  const int ruleset = static_cast<int>(::syscall(kCreateRuleset, &rules, size, 0));
  if (ruleset < 0) return errno;
  int error = 0;
  for (const auto& path : readable)
    if (error == 0) error = allow(ruleset, path, kExecute | kReadFile | kReadFolder);
  for (const auto& path : writable)
    if (error == 0) error = allow(ruleset, path, all);
  if (error == 0 && ::syscall(kRestrictSelf, ruleset, 0) != 0) error = errno;
  ::close(ruleset);
  return error;
}

}  // namespace r1::rewards::sandbox
