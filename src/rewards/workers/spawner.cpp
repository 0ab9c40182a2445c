#include "rewards/workers/spawner.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include "base/errors.h"
#include "rewards/workers/spawner_protocol.h"

extern char** environ;

namespace r1::rewards::workers {
namespace {

std::atomic<Spawner*> living{nullptr};

std::string worker_program() {
  if (const char* named = std::getenv("R1_WORKER"); named != nullptr && *named != '\0')
    return named;
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "r1mpi_worker" : (self.parent_path() / "r1mpi_worker").string();
}

/// Both ends close on exec. Returns errno.
int make_socket_pair(int type, Descriptor& ours, Descriptor& theirs) {
  int ends[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0) return errno;
  ours = Descriptor(ends[0]);
  theirs = Descriptor(ends[1]);
  return 0;
}

/// posix_spawn of glibc neither copies the address space nor runs handlers of fork.
int start_process(const std::string& program, int socket, pid_t& pid) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, socket, kSocket);
  std::string name = "r1mpi_worker", word = kSpawnerWord;
  char* arguments[] = {name.data(), word.data(), nullptr};
  const int error = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

bool send_request(int control, const SpawnerRequest& request, int passed) {
  iovec part{const_cast<SpawnerRequest*>(&request), sizeof request};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (passed >= 0) {
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
  }
  ssize_t sent;
  do sent = ::sendmsg(control, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(sizeof request);
}

bool receive_answer(int control, SpawnerAnswer& answer) {
  ssize_t got;
  do got = ::recv(control, &answer, sizeof answer, 0);
  while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof answer);
}

}  // namespace

void Descriptor::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Spawner::Spawner() {
  const std::string program = worker_program();
  Descriptor theirs;
  int error = make_socket_pair(SOCK_SEQPACKET, control_, theirs);
  const timeval patience{60, 0};  // a spawner that is stopped must not hang the program
  if (error == 0) ::setsockopt(control_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (error == 0) error = start_process(program, theirs.get(), pid_);
  if (error != 0) {
    problem_ = fmt::format("{}: {} (the executable of reward workers; R1_WORKER names another)",
                           program, std::strerror(error));
    control_.close();
    pid_ = -1;
  }
  living = this;
}

Spawner::~Spawner() {
  living = nullptr;
  control_.close();
  if (pid_ < 0) return;
  using namespace std::chrono_literals;
  for (int i = 0; i < 200 && ::waitpid(pid_, nullptr, WNOHANG) == 0; ++i) {
    if (i == 199) ::kill(pid_, SIGKILL);
    std::this_thread::sleep_for(i < 20 ? 1ms : 10ms);
  }
}

Spawner& Spawner::instance() {
  Spawner* spawner = living;
  if (spawner == nullptr)
    throw base::ConfigError("rewards.workers: this program has no worker processes, expected 0");
  return *spawner;
}

StartedWorker Spawner::spawn() {
  const std::lock_guard lock(mutex_);
  if (control_.get() < 0) throw base::ConfigError("rewards.workers: " + problem_);
  StartedWorker worker;
  Descriptor theirs;
  if (const int error = make_socket_pair(SOCK_STREAM, worker.socket, theirs); error != 0)
    throw base::ConfigError(fmt::format("rewards.workers: no socket: {}", std::strerror(error)));
  SpawnerAnswer answer;
  if (!send_request(control_.get(), {SpawnerVerb::Start, -1}, theirs.get()) ||
      !receive_answer(control_.get(), answer))
    throw base::ConfigError(
        fmt::format("rewards.workers: the spawner ({}, pid {}) has ended; does the executable run "
                    "here?",
                    worker_program(), pid_));
  if (answer.error != 0)
    throw base::ConfigError(fmt::format("rewards.workers: a worker could not be started: {}",
                                        std::strerror(answer.error)));
  worker.pid = answer.worker;
  return worker;
}

void Spawner::kill(pid_t worker) {
  const std::lock_guard lock(mutex_);
  if (control_.get() >= 0) send_request(control_.get(), {SpawnerVerb::Kill, worker}, -1);
}

}  // namespace r1::rewards::workers
