#include "mpi/shutdown.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "base/timer.h"

namespace r1::mpi {
namespace {

constexpr std::array<int, 3> kStopSignals = {SIGUSR1, SIGUSR2, SIGTERM};
constexpr double kDecay = 0.9;  // per step, of the slowest step's weight

std::atomic<int> highest_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void note_signal(int signal) {
  int seen = highest_signal.load();
  while (signal > seen && !highest_signal.compare_exchange_weak(seen, signal)) {
  }
}

void set_handler(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

std::string StopToken::describe() const {
  switch (reason) {
    case None:
      return "no stop";
    case TimeLimit:
      return "time limit";
    case Signal:
      return fmt::format("signal {} ({})", signal, ::strsignal(signal));
  }
  return {};
}

SignalHandlers::SignalHandlers() {
  highest_signal = 0;
  for (const int signal : kStopSignals) set_handler(signal, note_signal);
  set_handler(SIGCONT, SIG_IGN);
}

SignalHandlers::~SignalHandlers() {
  for (const int signal : kStopSignals) set_handler(signal, SIG_DFL);
  set_handler(SIGCONT, SIG_DFL);
}

void SignalHandlers::restore_defaults() {
  for (const int signal : kStopSignals) set_handler(signal, SIG_DFL);
  if (const int signal = received(); signal > 0) ::raise(signal);
}

int SignalHandlers::received() {
  return highest_signal.load();
}

void TimeBudget::record_step(double seconds) {
  step_ = std::max(seconds, kDecay * step_);
}

void TimeBudget::record_checkpoint(double seconds) {
  checkpoint_ = std::max(seconds, checkpoint_);
}

double TimeBudget::needed_seconds() const {
  return factor_ * (step_ + checkpoint_) + margin_;
}

bool TimeBudget::another_step_fits(double now) const {
  return !deadline_ || now + needed_seconds() <= *deadline_;
}

std::optional<double> find_deadline(double time_limit_seconds) {
  const double now = base::monotonic_seconds();
  std::optional<double> deadline;
  if (time_limit_seconds > 0) deadline = now + time_limit_seconds;
  const char* end = std::getenv("SLURM_JOB_END_TIME");  // seconds since 1970
  const double end_time = end != nullptr ? std::strtod(end, nullptr) : 0.0;
  if (end_time > 0) {
    const double slurm = now + end_time - static_cast<double>(std::time(nullptr));
    deadline = std::min(deadline.value_or(slurm), slurm);
  }
  return deadline;
}

int restart_count() {
  const char* count = std::getenv("SLURM_RESTART_COUNT");
  return count != nullptr ? static_cast<int>(std::strtol(count, nullptr, 10)) : 0;
}

StopToken agree_to_stop(parallel::Communicator& comm, const TimeBudget& budget) {
  auto seen = at::zeros({2}, at::kInt);
  auto* values = seen.mutable_data_ptr<int>();
  values[0] = budget.another_step_fits(base::monotonic_seconds()) ? 0 : 1;
  values[1] = SignalHandlers::received();
  comm.all_reduce(seen, parallel::ReduceOp::Max, "agree to stop").wait();
  if (values[1] > 0) return {StopToken::Signal, values[1]};
  return {values[0] != 0 ? StopToken::TimeLimit : StopToken::None, 0};
}

}  // namespace r1::mpi
