#include "mpi/run_guarded.h"

#include <mpi.h>

#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "base/timer.h"
#include "mpi/caught_error.h"
#include "mpi/check_mpi.h"
#include "mpi/last_resort.h"

namespace r1::mpi {
namespace {

constexpr double kGraceSeconds = 2.0;  // how long a failing rank waits for others that fail too
constexpr int kFailureTag = 1;

// Lives beyond the Environment: the guard runs after the stack, and the Environment, are gone.
CommHandle& failure_channel() {
  static CommHandle channel;
  return channel;
}

void pause_briefly() {
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

// Message hash of each rank that fails too; 0: not heard of. Return codes are ignored: MPI itself
// may be what failed.
std::vector<std::uint64_t> failures_of_all_ranks(std::uint64_t own) {
  const int size = world_size();
  const int rank = world_rank();
  std::vector<std::uint64_t> hashes(static_cast<std::size_t>(size), 0);
  hashes[static_cast<std::size_t>(rank)] = own;
  const MPI_Comm channel = failure_channel().get();
  if (channel == MPI_COMM_NULL) return hashes;
  static std::uint64_t message;  // never leaves: the sends may outlive this function
  message = own;
  for (int other = 0; other < size; ++other) {
    MPI_Request request = MPI_REQUEST_NULL;
    if (other != rank) MPI_Isend(&message, 1, MPI_UINT64_T, other, kFailureTag, channel, &request);
  }
  const base::Stopwatch waited;
  int heard = 1;
  while (heard < size && waited.seconds() < kGraceSeconds) {
    int found = 0;
    MPI_Status status;
    if (MPI_Iprobe(MPI_ANY_SOURCE, kFailureTag, channel, &found, &status) != MPI_SUCCESS) break;
    if (found == 0) {
      pause_briefly();
      continue;
    }
    auto& slot = hashes[static_cast<std::size_t>(status.MPI_SOURCE)];
    MPI_Recv(&slot, 1, MPI_UINT64_T, status.MPI_SOURCE, kFailureTag, channel, MPI_STATUS_IGNORE);
    ++heard;
  }
  return hashes;
}

[[noreturn]] void report_and_abort(const CaughtError& error) {
  const std::uint64_t own = base::hash_name(error.message) | 1;  // never 0
  const auto hashes = failures_of_all_ranks(own);
  const auto rank = static_cast<std::size_t>(world_rank());
  bool first_of_message = true;
  bool first_of_all = true;
  int same = 0;
  for (std::size_t other = 0; other < hashes.size(); ++other) {
    if (hashes[other] == own) ++same;
    if (other >= rank) continue;
    if (hashes[other] == own) first_of_message = false;
    if (hashes[other] != 0) first_of_all = false;
  }
  if (first_of_message) {
    const auto others = same > 1 ? fmt::format(" and {} more", same - 1) : std::string();
    const auto here = fmt::format("rank {} ({})", rank, host_name());
    if (error.coordinated || (others.empty() && error.message.starts_with(here)))
      base::log_error("{}", error.message);
    else
      base::log_error("{}{}: {}", here, others, error.message);
  }
  // The lowest failing rank ends the job; the others give it and each other time to print.
  std::this_thread::sleep_for(std::chrono::milliseconds(first_of_all ? 200 : 3000));
  abort_job(error.exit_code);
}

}  // namespace

void open_failure_channel() {
  failure_channel() = CommHandle::duplicate(MPI_COMM_WORLD, "failure channel");
}

void close_failure_channel() {
  failure_channel() = CommHandle();
}

int run_guarded(const std::function<int()>& program) {
  CaughtError error;
  try {
    return program();
  } catch (...) {
    error = describe_current_exception();
  }
  if (world_size() > 1) report_and_abort(error);
  base::log_error("{}", error.message);
  if (mpi_is_running()) {
    close_failure_channel();
    MPI_Finalize();
  }
  return error.exit_code;
}

}  // namespace r1::mpi
