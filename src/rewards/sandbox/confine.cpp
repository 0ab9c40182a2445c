#include "rewards/sandbox/confine.h"

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "rewards/sandbox/landlock.h"
#include "rewards/sandbox/syscall_filter.h"

namespace r1::rewards::sandbox {
namespace {

/// Soft and hard limit, as far as the present hard limit allows. Returns errno.
int limit(int resource, std::uint64_t value) {
  rlimit present{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &present) != 0) return errno;
  const rlim_t wanted = std::min<rlim_t>(value, present.rlim_max);
  const rlimit both{wanted, wanted};
  return ::setrlimit(static_cast<__rlimit_resource>(resource), &both) == 0 ? 0 : errno;
}

ConfineError set_limits(const Command& command) {
  constexpr std::uint64_t kStack = 64u << 20, kFiles = 64;
  const Limits& limits = command.limits;
  int error = limit(RLIMIT_AS, limits.memory);
  if (error == 0) error = limit(RLIMIT_CORE, 0);
  if (error == 0 && command.confinement != Confinement::None) {
    error = limit(RLIMIT_CPU, static_cast<std::uint64_t>(std::ceil(limits.seconds)) + 1);
    if (error == 0) error = limit(RLIMIT_FSIZE, limits.file_bytes);
    if (error == 0) error = limit(RLIMIT_NOFILE, kFiles);
    if (error == 0) error = limit(RLIMIT_STACK, std::min(kStack, limits.memory));
    if (error == 0) error = limit(RLIMIT_MEMLOCK, 0);
  }
  return {error == 0 ? nullptr : "setrlimit", error};
}

/// Root without capabilities is a user like others; no_new_privs keeps execve from giving them
/// back.
int drop_privileges() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct nothing[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capset, &header, nothing) != 0) return errno;
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno;
}

}  // namespace

const char* place_secretly(const std::string& path) {
  constexpr std::size_t kPages = 2 * 4096;
  if (path.size() + 1 > kPages / 2) return nullptr;
  std::uint64_t random[2] = {};
  char* pages = nullptr;
  for (int attempt = 0; attempt < 64 && pages == nullptr; ++attempt) {
    if (::getrandom(random, sizeof random, 0) != sizeof random) return nullptr;
    void* wanted = reinterpret_cast<void*>(random[0] & 0x3ffffffff000ull);
    void* got = ::mmap(wanted, kPages, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == MAP_FAILED) continue;
    if (got == wanted)
      pages = static_cast<char*>(got);
    else
      ::munmap(got, kPages);  // a kernel that takes the flag for a wish
  }
  if (pages == nullptr) return nullptr;
  char* place = pages + random[1] % (kPages - path.size());
  std::memcpy(place, path.c_str(), path.size() + 1);
  return place;
}

ConfineError confine(const Command& command, const char* program_path) {
  if (const auto failed = set_limits(command); failed.step != nullptr) return failed;
  if (command.confinement == Confinement::None) return {};
  if (const int error = drop_privileges(); error != 0) return {"capset, no_new_privs", error};
  const int files = restrict_files(command.readable, command.writable);
  if (files != 0 && files != ENOSYS && files != EOPNOTSUPP) return {"Landlock", files};
  if (command.confinement == Confinement::Compile) {
    const int error = install_compile_filter();
    return {error != 0 && (error != ENOSYS || files != 0) ? "seccomp" : nullptr, error};
  }
  const int error = install_run_filter(reinterpret_cast<std::uint64_t>(program_path));
  return {error != 0 ? "seccomp" : nullptr, error};
}

}  // namespace r1::rewards::sandbox
