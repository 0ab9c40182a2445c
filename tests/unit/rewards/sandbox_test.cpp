// Hostile programs: each must end with an error of its own and leave nothing behind.
#include "rewards/sandbox/sandbox.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "base/timer.h"
#include "rewards/sandbox/landlock.h"

namespace r1::rewards::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr double kSeconds = 5.0;    // a run that should end by itself
constexpr double kShort = 0.5;      // one that will not
constexpr double kReturned = 20.0;  // by then even a crowded machine has ended it

class SandboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = fs::temp_directory_path() / "r1-sandbox-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    folder_ = path;
    ::setenv("R1_SECRET", "in the environment", 1);
    std::ofstream(folder_ + "/secret") << "secret\n";
    fs::create_directory(folder_ + "/private");
    try {
      sandbox_ = std::make_unique<Sandbox>(options_, folder_ + "/private");
    } catch (const base::ConfigError& error) {
      GTEST_SKIP() << error.what();
    }
  }
  void TearDown() override { fs::remove_all(folder_); }

  Outcome python(const std::string& program, double seconds = kSeconds) {
    if (!sandbox_->can_run(Language::Python)) return {End::Exited, 1, "no Python here"};
    return sandbox_->run_python(program, "", seconds);
  }
  Outcome cpp(const std::string& program, double seconds = kSeconds) {
    const Outcome compiled = sandbox_->compile(program);
    EXPECT_TRUE(compiled.succeeded()) << compiled.code;
    return compiled.succeeded() ? sandbox_->run_compiled("", seconds) : compiled;
  }
  /// `attempt` is an expression that must fail; the program says how.
  void expect_refused(const std::string& attempt, const std::string& imports = "os, sys") {
    const Outcome outcome = python("import " + imports + "\ntry:\n    " + attempt +
                                   "\n    print('done')\nexcept (OSError, ValueError) as e:\n    "
                                   "print(getattr(e, 'errno', 1))");
    EXPECT_TRUE(outcome.succeeded()) << attempt << " " << outcome.code << outcome.output;
    EXPECT_TRUE(outcome.output == "1\n" || outcome.output == "13\n" || outcome.output == "38\n")
        << attempt << ": " << outcome.output;
  }

  CodeOptions options_;
  std::string folder_;
  std::unique_ptr<Sandbox> sandbox_;
};

/// This process from now on sees a kernel without Landlock, or without seccomp.
bool take_away(bool landlock) {
  constexpr std::uint32_t kLandlockCreateRuleset = 444;
  const std::uint32_t call = landlock ? kLandlockCreateRuleset : SYS_seccomp;
  constexpr std::uint32_t kNumber = offsetof(seccomp_data, nr);
  constexpr std::uint32_t kFirst = offsetof(seccomp_data, args);
  const std::uint32_t other = landlock ? call : SYS_prctl;
  sock_filter lines[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNumber),
                         BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 3, 0),
                         BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, other, 0, 3),
                         BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kFirst),
                         BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 0, 1),
                         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
                         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{static_cast<unsigned short>(std::size(lines)), lines};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// Exit status of a forked process that runs `body`.
int status_of(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

}  // namespace

TEST_F(SandboxTest, RefusesToRunWithoutSeccomp) {
  EXPECT_EQ(status_of([&] {
              if (!take_away(false)) return 2;
              try {
                const Sandbox refused(options_, folder_ + "/private");
                return 3;
              } catch (const base::ConfigError& error) {
                return std::string(error.what()).find("refused") != std::string::npos ? 0 : 4;
              }
            }),
            0);
}

TEST_F(SandboxTest, WithoutLandlockItSaysSoAndHoldsTheRest) {
  EXPECT_EQ(
      status_of([&] {
        if (!take_away(true)) return 2;
        const Sandbox sandbox(options_, folder_ + "/private");
        if (sandbox.missing().find("no Landlock") == std::string::npos) return 3;
        const std::string tried =
            "import os, socket\ntry:\n    {}\nexcept PermissionError: print('refused')";
        for (const std::string& attempt :
             {"open('" + folder_ + "/private/x', 'w')", std::string("os.fork()"),
              std::string("socket.socket()"), std::string("os.kill(os.getppid(), 9)")})
          if (sandbox.run_python(fmt::format(fmt::runtime(tried), attempt), "", kSeconds).output !=
              "refused\n")
            return 4;
        const base::Stopwatch watch;
        if (sandbox.compile("#include \"/dev/zero\"\nint main() {}").succeeded()) return 5;
        return watch.seconds() < 2.0 * options_.compile_seconds ? 0 : 6;
      }),
      0);
}

TEST_F(SandboxTest, RunsOrdinaryPrograms) {
  const Outcome outcome = sandbox_->run_python(
      "import collections, functools, heapq, itertools, json, math, random, re, sys\n"
      "n = int(input())\nprint(sum(map(int, sys.stdin.read().split())) * n)\nexit()",
      "2\n3 4\n", kSeconds);
  EXPECT_TRUE(outcome.succeeded());
  EXPECT_EQ(outcome.output, "14\n");
  ASSERT_TRUE(sandbox_
                  ->compile("#include <bits/stdc++.h>\nint main() { int a, b; std::cin >> a >> "
                            "b; std::cout << a + b << std::endl; }")
                  .succeeded());
  EXPECT_EQ(sandbox_->run_compiled("40 2", kSeconds).output, "42\n");
}

TEST_F(SandboxTest, SaysWhatProtectsAndWhatDoesNot) {
  EXPECT_NE(sandbox_->description().find("seccomp"), std::string::npos);
  EXPECT_EQ(sandbox_->description().find("Landlock") != std::string::npos, landlock_version() > 0);
  EXPECT_EQ(sandbox_->missing().find("Landlock") != std::string::npos, landlock_version() == 0);
}

TEST_F(SandboxTest, NoTools) {
  CodeOptions none;
  none.python = none.compiler = "no-such-program";
  EXPECT_THROW(Sandbox(none, folder_ + "/private"), base::ConfigError);
  none.python = "python3";
  const Sandbox python_only(none, folder_ + "/private");
  EXPECT_FALSE(python_only.can_run(Language::Cpp));
  EXPECT_NE(python_only.missing().find("no-such-program"), std::string::npos);
}

TEST_F(SandboxTest, NewProcessesAndThreads) {
  expect_refused("os.fork()");
  expect_refused("os.execv('/bin/true', ['true'])");
  expect_refused("os.posix_spawn('/bin/true', ['true'], {})");
  expect_refused("subprocess.run(['/bin/true'])", "subprocess");
  const Outcome thread = python("import threading\nthreading.Thread(target=print).start()");
  EXPECT_EQ(thread.end, End::Exited);
  EXPECT_NE(thread.code, 0);
  const Outcome bomb =
      cpp("#include <unistd.h>\n#include <cstdio>\n"
          "int main() { for (int i = 0; i < 1000; ++i) if (fork() >= 0) return 1;\n"
          "  execl(\"/bin/true\", \"true\", nullptr); puts(\"alone\"); }");
  EXPECT_EQ(bomb.output, "alone\n");
}

TEST_F(SandboxTest, Memory) {
  EXPECT_NE(python("x = bytearray(100 << 30)").code, 0);
  EXPECT_NE(python("x = []\nwhile True: x.append(bytearray(1 << 24))").code, 0);
  EXPECT_FALSE(
      python("def f(): return f()\nimport sys\nsys.setrecursionlimit(1 << 30)\nf()").succeeded());
  EXPECT_FALSE(python("print(5 ** (5 ** (5 ** 5)))", kShort).succeeded());
}

TEST_F(SandboxTest, EndlessOutput) {
  const Outcome outcome = python("while True: print('x' * 1000)");
  EXPECT_EQ(outcome.end, End::TooMuchOutput);
  EXPECT_LE(outcome.output.size(), static_cast<std::size_t>(options_.output_bytes) + 65536);
  const Outcome errors =
      python("import sys\nfor i in range(100000): sys.stderr.write('x' * 100)\nprint('through')");
  EXPECT_EQ(errors.output, "through\n");
}

TEST_F(SandboxTest, TimeRunsOut) {
  const base::Stopwatch watch;
  EXPECT_EQ(python("while True: pass", kShort).end, End::TimedOut);
  EXPECT_EQ(python("import time\ntime.sleep(1000)", kShort).end, End::TimedOut);
  EXPECT_EQ(
      python("import os, time\nos.close(0); os.close(1); os.close(2)\ntime.sleep(1000)", kShort)
          .end,
      End::TimedOut);
  const Outcome stubborn = python(
      "import signal\nfor s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n"
      "    except (OSError, ValueError): pass\nwhile True: pass",
      kShort);
  EXPECT_EQ(stubborn.end, End::TimedOut);
  EXPECT_LT(watch.seconds(), kReturned);
}

TEST_F(SandboxTest, WritingFiles) {
  const std::string file = "'" + folder_ + "/secret'";
  expect_refused("open(" + file + ", 'w')");
  expect_refused("open(" + file + ", 'a')");
  expect_refused("open(" + file + ", 'r+')");
  expect_refused("open('" + folder_ + "/new', 'w')");
  expect_refused("os.open('/tmp', os.O_TMPFILE | os.O_RDWR)");
  expect_refused("os.open(" + file + ", os.O_RDONLY | os.O_TRUNC)");
  expect_refused("os.open(" + file + ", os.O_RDONLY | os.O_CREAT)");
  expect_refused("os.truncate(" + file + ", 0)");
  expect_refused("os.unlink(" + file + ")");
  expect_refused("os.rename(" + file + ", '" + folder_ + "/other')");
  expect_refused("os.mkdir('" + folder_ + "/folder')");
  expect_refused("os.link(" + file + ", '" + folder_ + "/hard')");
  expect_refused("os.symlink('/etc', '" + folder_ + "/soft')");
  expect_refused("os.chmod(" + file + ", 0o777)");
  expect_refused("os.utime(" + file + ")");
  expect_refused("os.mkfifo('" + folder_ + "/fifo')");
  expect_refused("os.memfd_create('x')");
  EXPECT_EQ(fs::file_size(folder_ + "/secret"), 7u);
}

TEST_F(SandboxTest, Network) {
  expect_refused("socket.socket()", "socket");
  expect_refused("socket.socket(socket.AF_UNIX)", "socket");
  expect_refused("socket.socketpair()", "socket");
}

TEST_F(SandboxTest, OtherProcesses) {
  expect_refused("os.kill(os.getppid(), 0)");
  expect_refused("os.kill(os.getppid(), 9)");
  expect_refused("os.kill(-1, 9)");
  expect_refused("os.kill(0, 9)");
  expect_refused("os.setsid()");
  expect_refused("os.setpgid(0, 0)");
  expect_refused("os.setpriority(os.PRIO_PROCESS, os.getppid(), 10)");
  expect_refused("os.pidfd_open(os.getppid())");
  expect_refused("resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))", "os, resource");
  expect_refused("resource.setrlimit(resource.RLIMIT_CPU, (1, 1))", "resource");
}

TEST_F(SandboxTest, RawSystemCalls) {
  // ptrace, io_uring_setup, openat2, clone3, unshare, process_vm_readv, bpf, userfaultfd, mount,
  // prctl, open_by_handle_at, pidfd_getfd, keyctl, vfork, execveat, memfd_create
  const Outcome outcome = cpp(R"CPP(
#include <cerrno>
#include <cstdio>
#include <unistd.h>
#include <sys/syscall.h>
    int main() {
      const long calls[] = {SYS_ptrace,
                            425,
                            437,
                            435,
                            SYS_unshare,
                            SYS_process_vm_readv,
                            SYS_bpf,
                            SYS_userfaultfd,
                            SYS_mount,
                            SYS_prctl,
                            SYS_open_by_handle_at,
                            438,
                            SYS_keyctl,
                            SYS_execveat,
                            SYS_memfd_create,
                            SYS_clone,
                            SYS_shmget};
      for (long call : calls) {
        const long result = syscall(call, 0, 0, 0, 0, 0, 0);
        if (result != -1 || (errno != EPERM && errno != ENOSYS)) printf("%ld: %ld\n", call, result);
      }
      puts("done");
    })CPP");
  EXPECT_EQ(outcome.output, "done\n");
}

TEST_F(SandboxTest, ReadingOtherFiles) {
  if (landlock_version() == 0) GTEST_SKIP() << "this kernel has no Landlock";
  for (const std::string& path :
       {folder_ + "/secret", std::string("/etc/passwd"), std::string("/proc/self/environ"),
        std::string("/proc/1/cmdline")})
    expect_refused("open('" + path + "').read()");
  expect_refused("os.listdir('/')");
  fs::create_symlink("/etc", folder_ + "/private/etc");  // as a program before might have left it
  expect_refused("open('" + folder_ + "/private/etc/passwd')");
  expect_refused("open('/usr/lib/../../etc/passwd')");
  expect_refused("open('/proc/self/root/etc/passwd')");
}

TEST_F(SandboxTest, InheritsNothing) {
  const Outcome outcome = python(
      "import os\nprint('R1_SECRET' in os.environ)\n"
      "def open_(fd):\n    try: os.fstat(fd); return True\n    except OSError: return False\n"
      "print([fd for fd in range(1000) if open_(fd)])");
  EXPECT_EQ(outcome.output, "False\n[0, 1, 2]\n");
}

TEST_F(SandboxTest, HostileSources) {
  const base::Stopwatch watch;
  CodeOptions hasty = options_;
  hasty.compile_seconds = 3.0;
  const Sandbox sandbox(hasty, folder_ + "/private");
  const std::string main = "int main() {}";
  EXPECT_FALSE(sandbox
                   .compile("template <int N> struct A { A<N + 1> a; A<N - 1> b; };\n"
                            "A<0> a; " +
                            main)
                   .succeeded());
  EXPECT_FALSE(
      sandbox
          .compile("template <int N, int M> struct F {\n"
                   "  static const int v = F<N - 1, 2 * M>::v + F<N - 1, 2 * M + 1>::v;\n};\n"
                   "template <int M> struct F<0, M> { static const int v = M; };\n"
                   "int x = F<27, 0>::v; " +
                   main)
          .succeeded());
  EXPECT_FALSE(sandbox
                   .compile("constexpr int f(int n) { int s = 0; for (;;) s ^= n; }\n"
                            "constexpr int x = f(1); " +
                            main)
                   .succeeded());
  EXPECT_FALSE(sandbox.compile("#include \"/dev/zero\"\n" + main).succeeded());
  EXPECT_FALSE(sandbox.compile("#include \"/dev/stdin\"\n#include __FILE__\n" + main).succeeded());
  const Outcome huge = sandbox.compile("char x[3ll << 30] = {1}; " + main);
  EXPECT_FALSE(huge.succeeded());
  EXPECT_LT(watch.seconds(), 2.0 * kReturned);
}

TEST_F(SandboxTest, CompilersReadAndWriteOnlyTheirOwn) {
  if (landlock_version() == 0) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_FALSE(sandbox_->compile("#include \"/etc/passwd\"\nint main() {}").succeeded());
  EXPECT_FALSE(sandbox_->compile("asm(\".incbin \\\"" + folder_ + "/secret\\\"\"); int main() {}")
                   .succeeded());
  const std::string dumped = folder_ + "/dumped";
  sandbox_->compile("#pragma GCC dependency \"" + folder_ + "/secret\"\nint main() {}");
  CodeOptions dumping = options_;
  dumping.compiler_flags = {"-save-temps", "-dumpbase", dumped};
  Sandbox(dumping, folder_ + "/private").compile("int main() {}");
  for (const auto& entry : fs::directory_iterator(folder_))
    EXPECT_TRUE(entry.path().filename() == "secret" || entry.path().filename() == "private")
        << entry.path();
}

TEST_F(SandboxTest, HoldsAPlainUser) {
  if (::getuid() != 0) GTEST_SKIP() << "all other cases ran as a plain user";
  constexpr uid_t kNobody = 65534;
  ::chmod(folder_.c_str(), 0755);
  ASSERT_EQ(::chown((folder_ + "/private").c_str(), kNobody, kNobody), 0);
  EXPECT_EQ(status_of([&] {
              if (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) return 10;
              options_.python = "/usr/bin/python3";
              const Sandbox plain(options_, folder_ + "/private");
              const auto refuses = [&](const std::string& attempt) {
                return plain
                           .run_python("import os, socket\ntry:\n    " + attempt +
                                           "\nexcept PermissionError:\n    print('refused')",
                                       "", kSeconds)
                           .output == "refused\n";
              };
              if (!refuses("os.fork()") || !refuses("socket.socket()")) return 1;
              if (!refuses("open('" + folder_ + "/private/x', 'w')")) return 2;
              if (!refuses("os.kill(os.getppid(), 9)")) return 3;
              if (landlock_version() > 0 && !refuses("open('" + folder_ + "/secret')")) return 4;
              if (!plain.compile("#include <cstdio>\nint main() { puts(\"user\"); }").succeeded())
                return 5;
              return plain.run_compiled("", kSeconds).output == "user\n" ? 0 : 6;
            }),
            0);
}

}  // namespace r1::rewards::sandbox
