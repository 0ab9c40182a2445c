#include "rewards/workers/spawner_loop.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "rewards/workers/spawner.h"
#include "rewards/workers/spawner_protocol.h"

namespace r1::rewards::workers {
namespace {

sigset_t child_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  return set;
}

/// mkdtemp below TMPDIR, else /tmp; empty: impossible.
std::string make_private_folder() {
  const char* base = std::getenv("TMPDIR");
  std::string path = std::string(base != nullptr && *base != '\0' ? base : "/tmp");
  path += "/r1mpi-worker-XXXXXX";
  return ::mkdtemp(path.data()) != nullptr ? path : "";
}

/// Becomes a worker, or ends with 127.
[[noreturn]] void become_worker(int socket, const std::string& folder, pid_t spawner) {
  ::setsid();  // a group of its own: kill(-pid) reaches it
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != spawner) ::_exit(127);  // the spawner died before that call
  const sigset_t set = child_signal();
  ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
  ::dup2(socket, kSocket);  // the copy stays open over exec; never equal: kSocket is the control
  ::execl("/proc/self/exe", "r1mpi_worker", kWorkerWord, folder.c_str(), nullptr);
  ::_exit(127);
}

class SpawnerProcess {
 public:
  explicit SpawnerProcess(int control) : control_(control) {}
  ~SpawnerProcess() {
    for (const auto& [pid, folder] : workers_) kill_worker(pid);
    while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) kill_strays();
    for (const auto& [pid, folder] : workers_) remove_folder(folder);
  }

  /// False: the program is gone.
  bool serve_request() {
    Descriptor passed;
    SpawnerRequest request;
    if (!receive(request, passed)) return false;
    if (request.verb == SpawnerVerb::Kill) {
      if (workers_.count(request.worker) > 0) kill_worker(request.worker);
      return true;
    }
    const SpawnerAnswer answer = start(passed.get());
    ::send(control_, &answer, sizeof answer, MSG_NOSIGNAL);
    return true;
  }

  void reap() {
    for (pid_t pid; (pid = ::waitpid(-1, nullptr, WNOHANG)) > 0;) {
      const auto found = workers_.find(pid);
      if (found != workers_.end()) {
        remove_folder(found->second);
        workers_.erase(found);
      }
      kill_strays();  // what the dead leaves has become our child
    }
  }

 private:
  bool receive(SpawnerRequest& request, Descriptor& passed) {
    iovec part{&request, sizeof request};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    ssize_t got;
    do got = ::recvmsg(control_, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got != static_cast<ssize_t>(sizeof request)) return false;
    if (const cmsghdr* header = CMSG_FIRSTHDR(&message);
        header != nullptr && header->cmsg_type == SCM_RIGHTS) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
      passed = Descriptor(fd);
    }
    return true;
  }

  SpawnerAnswer start(int socket) {
    const std::string folder = make_private_folder();
    const pid_t self = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) become_worker(socket, folder, self);
    if (pid < 0) {
      const int error = errno;
      remove_folder(folder);
      return {-1, error};
    }
    workers_[pid] = folder;
    return {pid, 0};
  }

  static void kill_worker(pid_t pid) {
    ::kill(-pid, SIGKILL);
    ::kill(pid, SIGKILL);
  }

  /// Kills all children that are not workers.
  void kill_strays() const {
    const auto self = std::to_string(::getpid());
    std::ifstream children("/proc/self/task/" + self + "/children");
    for (pid_t pid; children >> pid;)
      if (workers_.count(pid) == 0) kill_worker(pid);
  }

  static void remove_folder(const std::string& folder) {
    std::error_code ignored;
    if (!folder.empty()) std::filesystem::remove_all(folder, ignored);
  }

  int control_;
  std::map<pid_t, std::string> workers_;  // and their private folders
};

}  // namespace

int run_spawner(int control) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const sigset_t set = child_signal();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  const Descriptor deaths(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  ::fcntl(control, F_SETFD, FD_CLOEXEC);
  SpawnerProcess spawner(control);
  for (;;) {
    pollfd events[] = {{control, POLLIN, 0}, {deaths.get(), POLLIN, 0}};
    if (::poll(events, 2, -1) < 0 && errno != EINTR) return 1;
    signalfd_siginfo information;
    while (::read(deaths.get(), &information, sizeof information) > 0) continue;
    spawner.reap();
    if (events[0].revents != 0 && !spawner.serve_request()) return 0;
  }
}

}  // namespace r1::rewards::workers
