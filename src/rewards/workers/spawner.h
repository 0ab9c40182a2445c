#pragma once
// The program's side of the spawner: a small single-threaded process, started before MPI and
// threads, that starts, kills and reaps the worker processes, so that the big process never forks.
//
// Spawner and workers are the executable r1mpi_worker: the file named by R1_WORKER, else the one
// beside the running program.
#include <sys/types.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace r1::rewards::workers {

/// An open file descriptor, closed at the end.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  int get() const { return fd_; }
  void close();

 private:
  int fd_ = -1;
};

/// A started worker: its process and our end of the socket it listens to.
struct StartedWorker {
  pid_t pid = -1;
  Descriptor socket;
};

/// One per process; main() holds it for its whole length. Thread-safe.
class Spawner {
 public:
  /// Starts the spawner process. Never throws: what went wrong is said when a worker is asked for,
  /// as many commands need none.
  Spawner();
  /// Ends the spawner and with it all workers.
  ~Spawner();
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;

  /// The one that lives. Throws: ConfigError when there is none.
  static Spawner& instance();

  /// Throws: ConfigError when there is no r1mpi_worker, or it does not start.
  StartedWorker spawn();
  /// Kills that worker and all it started; nothing, when it has ended already.
  void kill(pid_t worker);
  pid_t pid() const { return pid_; }

 private:
  Descriptor control_;
  pid_t pid_ = -1;
  std::string problem_;
  std::mutex mutex_;
};

}  // namespace r1::rewards::workers
