#pragma once
// The program's interface to the spawner: a small single-threaded process, started before MPI and
// threads, that starts, kills and reaps the worker processes. The large MPI process therefore never
// forks.
//
// Spawner and workers are the executable r1mpi_worker: the file named by R1_WORKER, else the file
// beside the running program.
#include <sys/types.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace r1::rewards::workers {

/// An open file descriptor, closed by the destructor.
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

/// A started worker: its process, and the program's end of the socket to the worker.
struct StartedWorker {
  pid_t pid = -1;
  Descriptor socket;
};

/// One per process; main() holds the object for the whole run. Thread-safe.
class Spawner {
 public:
  /// Starts the spawner process. Never throws: spawn() reports a failure, because many commands
  /// need no worker.
  Spawner();
  /// Ends the spawner and all workers.
  ~Spawner();
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;

  /// The living instance. Throws: ConfigError if there is none.
  static Spawner& instance();

  /// Throws: ConfigError if there is no r1mpi_worker, or if a worker does not start.
  StartedWorker spawn();
  /// Kills the worker and its descendants; does nothing if the worker has already ended.
  void kill(pid_t worker);
  pid_t pid() const { return pid_; }

 private:
  Descriptor control_;
  pid_t pid_ = -1;
  std::string problem_;
  std::mutex mutex_;
};

}  // namespace r1::rewards::workers
