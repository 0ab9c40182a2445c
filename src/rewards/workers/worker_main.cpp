// r1mpi_worker: the spawner of reward workers, and the workers. Only r1mpi starts this program. The
// program links neither MPI nor torch, so that it starts in milliseconds and may fork.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "rewards/workers/spawner_loop.h"
#include "rewards/workers/spawner_protocol.h"
#include "rewards/workers/worker_loop.h"

namespace {

namespace workers = r1::rewards::workers;

/// Signals that a scheduler sends to every process of a job: only the program acts on them. The end
/// of its socket ends the others.
void ignore_job_signals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGCONT, SIGPIPE})
    ::signal(number, SIG_IGN);
}

/// Descriptors that the launcher left open (its pipes would seem to live on in this process).
void close_inherited() {
  std::vector<int> open;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    open.push_back(std::stoi(entry.path().filename()));
  for (const int fd : open)
    if (fd > workers::kSocket) ::close(fd);
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() == 1 && arguments[0] == workers::kSpawnerWord)
    return workers::run_spawner(workers::kSocket);
  if (arguments.size() == 2 && arguments[0] == workers::kWorkerWord)
    return workers::run_worker(workers::kSocket, arguments[1]);
  std::fputs("r1mpi_worker is started by r1mpi, for [rewards] workers\n", stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    ignore_job_signals();
    close_inherited();
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "r1mpi_worker: %s\n", error.what());
    return 3;
  }
}
