#include "rewards/sandbox/syscall_filter.h"

#include <cerrno>

#ifdef R1_HAVE_SECCOMP
#include <fcntl.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <memory>
#endif

namespace r1::rewards::sandbox {

#ifdef R1_HAVE_SECCOMP
namespace {

// Without arguments to check. Calls that a system does not have are left out.
constexpr const char* kRunCalls[] = {
    // data
    "read", "readv", "pread64", "preadv", "write", "writev", "lseek", "close", "close_range", "dup",
    "dup2", "dup3", "poll", "ppoll", "select", "pselect6",
    // files, by name: Landlock says which
    "stat", "lstat", "fstat", "newfstatat", "statx", "statfs", "fstatfs", "access", "faccessat",
    "faccessat2", "readlink", "readlinkat", "getdents", "getdents64", "getcwd", "fadvise64",
    // memory
    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "membarrier",
    // itself
    "exit", "exit_group", "getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid",
    "getresuid", "getresgid", "getgroups", "getpgrp", "getpgid", "getsid", "getrlimit", "getrusage",
    "getcpu", "getrandom", "uname", "sysinfo", "times", "time", "gettimeofday", "clock_gettime",
    "clock_getres", "arch_prctl", "set_tid_address", "set_robust_list", "get_robust_list", "rseq",
    "futex", "sched_yield", "sched_getaffinity", "umask",
    // waiting and its own signals
    "nanosleep", "clock_nanosleep", "pause", "alarm", "getitimer", "setitimer", "rt_sigaction",
    "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend", "rt_sigtimedwait",
    "sigaltstack", "restart_syscall"};

constexpr const char* kNotForCompilers[] = {"socket",
                                            "socketpair",
                                            "connect",
                                            "bind",
                                            "listen",
                                            "accept",
                                            "accept4",
                                            "ptrace",
                                            "process_vm_readv",
                                            "process_vm_writev",
                                            "kill",
                                            "tkill",
                                            "tgkill",
                                            "rt_sigqueueinfo",
                                            "rt_tgsigqueueinfo",
                                            "pidfd_open",
                                            "pidfd_send_signal",
                                            "pidfd_getfd",
                                            "setsid",
                                            "setpgid",
                                            "io_uring_setup",
                                            "io_uring_enter",
                                            "io_uring_register",
                                            "bpf",
                                            "perf_event_open",
                                            "userfaultfd",
                                            "unshare",
                                            "setns",
                                            "mount",
                                            "umount2",
                                            "pivot_root",
                                            "chroot",
                                            "keyctl",
                                            "add_key",
                                            "request_key",
                                            "prctl",
                                            "personality",
                                            "openat2",
                                            "mknod",
                                            "mknodat",
                                            "open_by_handle_at",
                                            "name_to_handle_at",
                                            "init_module",
                                            "finit_module",
                                            "kexec_load",
                                            "reboot",
                                            "quotactl",
                                            "swapon",
                                            "swapoff",
                                            "shmget",
                                            "msgget",
                                            "semget",
                                            "mq_open"};

/// A filter under construction; the first error stays.
class Filter {
 public:
  explicit Filter(std::uint32_t fallback)
      : context_(seccomp_init(fallback), &seccomp_release), error_(context_ ? 0 : ENOMEM) {}

  /// Adds a rule for `call` with `count` comparisons.
  template <class... Comparison>
  void rule(std::uint32_t action, const char* call, Comparison... comparison) {
    const int number = seccomp_syscall_resolve_name(call);
    if (error_ != 0 || number < 0) return;  // negative: this architecture has no such call
    const scmp_arg_cmp comparisons[] = {comparison..., scmp_arg_cmp{}};
    const int failed =
        seccomp_rule_add_array(context_.get(), action, number, sizeof...(comparison), comparisons);
    if (failed != 0) error_ = -failed;
  }

  int load() {
    if (error_ == 0) error_ = -seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_NNP, 0);
    if (error_ == 0) error_ = -seccomp_load(context_.get());
    return error_;
  }

 private:
  std::unique_ptr<void, decltype(&seccomp_release)> context_;
  int error_;
};

constexpr std::uint32_t kDeny = SCMP_ACT_ERRNO(EPERM);
constexpr std::uint64_t kLow32 = 0xffffffff;

/// Opening for reading only: no flag that writes, creates or empties.
void allow_reading(Filter& filter) {
  constexpr std::uint64_t writing = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
  filter.rule(SCMP_ACT_ALLOW, "open", SCMP_A1_64(SCMP_CMP_MASKED_EQ, writing, 0));
  filter.rule(SCMP_ACT_ALLOW, "openat", SCMP_A2_64(SCMP_CMP_MASKED_EQ, writing, 0));
  filter.rule(SCMP_ACT_ERRNO(ENOSYS), "openat2");  // its flags lie in memory
}

/// abort() and raise() need these; others are out of reach.
void allow_own_signals(Filter& filter) {
  const auto self = static_cast<std::uint64_t>(::getpid());
  for (const char* call : {"kill", "tgkill", "tkill"})
    filter.rule(SCMP_ACT_ALLOW, call, SCMP_A0_64(SCMP_CMP_MASKED_EQ, kLow32, self));
}

}  // namespace

bool has_syscall_filter() {
  return true;
}

int install_run_filter(std::uint64_t program_path) {
  Filter filter(kDeny);
  for (const char* call : kRunCalls) filter.rule(SCMP_ACT_ALLOW, call);
  allow_reading(filter);
  allow_own_signals(filter);
  filter.rule(SCMP_ACT_ALLOW, "execve", SCMP_A0_64(SCMP_CMP_EQ, program_path));
  filter.rule(SCMP_ACT_ALLOW, "prlimit64", SCMP_A2_64(SCMP_CMP_EQ, 0));  // asking only
  for (const int request : {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL})
    filter.rule(SCMP_ACT_ALLOW, "fcntl",
                SCMP_A1_64(SCMP_CMP_MASKED_EQ, kLow32, static_cast<std::uint64_t>(request)));
  for (const unsigned long request :
       {static_cast<unsigned long>(TCGETS), static_cast<unsigned long>(FIOCLEX),
        static_cast<unsigned long>(FIONCLEX), static_cast<unsigned long>(FIONREAD),
        static_cast<unsigned long>(TIOCGWINSZ)})
    filter.rule(SCMP_ACT_ALLOW, "ioctl", SCMP_A1_64(SCMP_CMP_MASKED_EQ, kLow32, request));
  filter.rule(SCMP_ACT_ERRNO(ENOSYS), "clone3");  // glibc then takes clone, which is refused
  return filter.load();
}

int install_compile_filter() {
  Filter filter(SCMP_ACT_ALLOW);
  for (const char* call : kNotForCompilers) filter.rule(kDeny, call);
  // New processes, but no new namespaces; flags of clone3 lie in memory.
  constexpr std::uint64_t namespaces = 0x7e020000;
  for (int bit = 17; bit < 31; ++bit)
    if (const std::uint64_t flag = std::uint64_t{1} << bit; (namespaces & flag) != 0)
      filter.rule(kDeny, "clone", SCMP_A0_64(SCMP_CMP_MASKED_EQ, flag, flag));
  filter.rule(SCMP_ACT_ERRNO(ENOSYS), "clone3");
  return filter.load();
}

#else

bool has_syscall_filter() {
  return false;
}
int install_run_filter(std::uint64_t) {
  return ENOSYS;
}
int install_compile_filter() {
  return ENOSYS;
}

#endif

}  // namespace r1::rewards::sandbox
