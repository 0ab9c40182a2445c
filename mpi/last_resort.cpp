#include "mpi/last_resort.h"

#include <mpi.h>

#include <chrono>
#include <cstdlib>

#include "base/log.h"

namespace r1::mpi {
namespace {

constexpr double kAbortSeconds = 10.0;

}  // namespace

LastResort::LastResort(double seconds, int exit_code, std::string reason)
    : thread_([this, seconds, exit_code, reason = std::move(reason)] {
        std::unique_lock lock(mutex_);
        const std::chrono::duration<double> limit(seconds);
        if (ended_.wait_for(lock, limit, [this] { return has_ended_; })) return;
        if (!reason.empty()) base::log_error("{}", reason);
        std::_Exit(exit_code);
      }) {}

LastResort::~LastResort() {
  {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

void abort_job(int exit_code) {
  const LastResort last_resort(kAbortSeconds, exit_code);
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::_Exit(exit_code);
}

}  // namespace r1::mpi
