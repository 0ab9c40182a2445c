#include "rewards/sandbox/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <thread>

#include "base/timer.h"
#include "rewards/sandbox/confine.h"
#include "rewards/sandbox/pipe.h"

namespace r1::rewards::sandbox {
namespace {

struct StartFailure {
  char step[32];
  int error;
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (const auto& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

/// Puts descriptors at 0, 1, ... and `report` behind them (closed on exec); closes all others.
void place_descriptors(const std::vector<int>& descriptors, int report) {
  constexpr int kAbove = 32;  // beyond all places
  const int count = static_cast<int>(descriptors.size());
  std::vector<int> copies;
  for (const int fd : descriptors) {
    const int source = fd >= 0 ? fd : ::open("/dev/null", O_RDWR);
    copies.push_back(::fcntl(source, F_DUPFD, kAbove));
  }
  const int report_copy = ::fcntl(report, F_DUPFD, kAbove);
  for (int i = 0; i < count; ++i) ::dup2(copies[static_cast<std::size_t>(i)], i);
  ::dup3(report_copy, count, O_CLOEXEC);
  constexpr long kCloseRange = 436;  // as yet unknown to some C libraries
  if (::syscall(kCloseRange, static_cast<unsigned>(count) + 1, ~0u, 0) != 0)
    for (int fd = count + 1; fd < 4096; ++fd) ::close(fd);
}

[[noreturn]] void become(const Command& command, const std::vector<int>& descriptors, int report,
                         pid_t parent) {
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  ::signal(SIGPIPE, SIG_DFL);
  std::vector<std::string> words{command.path};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  const auto arguments = pointers(words);
  const auto environment = pointers(command.environment);
  const char* path = place_secretly(command.path);
  place_descriptors(descriptors, report);
  ConfineError failed;
  if (path == nullptr)
    failed = {"mmap", ENOMEM};
  else if (::chdir(command.folder.c_str()) != 0)
    failed = {"chdir", errno};
  else
    failed = confine(command, path);
  if (failed.step == nullptr) {
    ::execve(path, arguments.data(), environment.data());
    failed = {"execve", errno};
  }
  StartFailure message{};
  std::strncpy(message.step, failed.step, sizeof message.step - 1);
  message.error = failed.error;
  if (::write(static_cast<int>(descriptors.size()), &message, sizeof message) < 0) ::_exit(126);
  ::_exit(127);
}

/// A child's standard input and output, until it closes the latter.
class Talk {
 public:
  Talk(const Command& command, const std::string& input, const std::vector<int>& more)
      : command_(command), input_(input), more_(more) {}

  Outcome run() {
    Pipe in, out;
    std::vector<int> descriptors{in.read_end(), out.write_end(), -1};
    descriptors.insert(descriptors.end(), more_.begin(), more_.end());
    Child child(command_, descriptors);
    in.close_read();
    out.close_write();
    in.do_not_block();
    out.do_not_block();
    if (input_.empty()) in.close_write();
    while (out.read_end() >= 0 && left() > 0.0 && !too_much()) exchange(in, out);
    Outcome outcome;
    if (too_much())
      outcome.end = End::TooMuchOutput;
    else if (!child.wait(std::max(left(), 0.0)))
      outcome.end = End::TimedOut;
    child.kill();  // and what it left behind
    if (outcome.end == End::Exited) describe(child.status(), outcome);
    outcome.output = std::move(output_);
    return outcome;
  }

 private:
  double left() const { return command_.limits.seconds - watch_.seconds(); }
  bool too_much() const { return output_.size() > command_.limits.output_bytes; }

  void exchange(Pipe& in, Pipe& out) {
    pollfd events[] = {{out.read_end(), POLLIN, 0}, {in.write_end(), POLLOUT, 0}};
    if (::poll(events, 2, static_cast<int>(std::ceil(std::max(left(), 0.0) * 1e3))) < 0) return;
    if (events[1].revents != 0 && !write_some(in.write_end())) in.close_write();
    if (events[0].revents != 0 && !read_some(out.read_end())) out.close_read();
  }

  bool write_some(int fd) {
    const ssize_t n = ::write(fd, input_.data() + written_, input_.size() - written_);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    written_ += static_cast<std::size_t>(n);
    return written_ < input_.size();
  }

  bool read_some(int fd) {
    char bytes[65536];
    const ssize_t n = ::read(fd, bytes, sizeof bytes);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    output_.append(bytes, static_cast<std::size_t>(n));
    return n > 0;
  }

  static void describe(int status, Outcome& outcome) {
    outcome.end = WIFEXITED(status) ? End::Exited : End::Signalled;
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
    if (outcome.end == End::Signalled && outcome.code == SIGXCPU) outcome.end = End::TimedOut;
  }

  const Command& command_;
  const std::string& input_;
  const std::vector<int>& more_;
  std::string output_;
  std::size_t written_ = 0;
  base::Stopwatch watch_;
};

}  // namespace

Child::Child(const Command& command, const std::vector<int>& descriptors) {
  Pipe report;
  const pid_t self = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) become(command, descriptors, report.write_end(), self);
  if (pid_ < 0) throw StartError(fmt::format("fork: {}", std::strerror(errno)));
  report.close_write();
  StartFailure failure{};
  ssize_t got;
  do got = ::read(report.read_end(), &failure, sizeof failure);
  while (got < 0 && errno == EINTR);
  if (got == 0) return;  // closed by execve
  kill();
  failure.step[sizeof failure.step - 1] = '\0';
  throw StartError(
      fmt::format("{}: {}: {}", command.path, failure.step, std::strerror(failure.error)));
}

Child::~Child() {
  kill();
}

bool Child::wait(double seconds) {
  const base::Stopwatch watch;
  for (auto pause = std::chrono::microseconds(50); running_;) {
    siginfo_t ended{};
    const auto child = static_cast<id_t>(pid_);
    if (::waitid(P_PID, child, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == pid_)
      kill();  // its group, while the number is still its own
    else if (watch.seconds() >= seconds) {
      return false;
    } else {
      std::this_thread::sleep_for(pause);
      pause = std::min(2 * pause, std::chrono::microseconds(5000));
    }
  }
  return true;
}

void Child::kill() {
  if (!running_) return;
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) continue;
  running_ = false;
}

Outcome run(const Command& command, const std::string& input, const std::vector<int>& more) {
  return Talk(command, input, more).run();
}

}  // namespace r1::rewards::sandbox
