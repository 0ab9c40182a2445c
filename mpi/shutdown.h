#pragma once
// Stopping early and orderly: signals and the time limit become one agreed answer on all ranks.
#include <optional>
#include <string>

#include "parallel/communicator.h"

namespace r1::mpi {

/// Whether all ranks stop now, and why.
struct StopToken {
  enum Reason : int { None = 0, TimeLimit = 1, Signal = 2 };
  Reason reason = None;
  int signal = 0;  // the highest signal number any rank saw
  explicit operator bool() const { return reason != None; }
  /// "signal 10 (User defined signal 1)", "time limit"; for the log.
  std::string describe() const;
};

/// USR1, USR2 and TERM set a flag; CONT is ignored. Handlers last for the life of this object.
class SignalHandlers {
 public:
  SignalHandlers();
  ~SignalHandlers();
  SignalHandlers(const SignalHandlers&) = delete;
  SignalHandlers& operator=(const SignalHandlers&) = delete;
  /// The signals end the process again. One that has come already does so now.
  static void restore_defaults();
  /// Highest number of the signals received so far; 0: none.
  static int received();
};

/// How much time the job has, against what a step and a checkpoint were measured to take. Times in
/// seconds of base::monotonic_seconds().
class TimeBudget {
 public:
  /// `deadline`: when the job is killed; nullopt: never. Steps and saves vary (lengths of rollouts,
  /// a busy filesystem): what was measured counts `factor` times, and `margin` seconds are left
  /// besides.
  explicit TimeBudget(std::optional<double> deadline = {}, double factor = 1.5,
                      double margin = 30.0)
      : deadline_(deadline), factor_(factor), margin_(margin) {}
  void record_step(double seconds);
  void record_checkpoint(double seconds);
  /// Whether another step and the checkpoint after it end before the deadline.
  bool another_step_fits(double now) const;
  std::optional<double> deadline() const { return deadline_; }
  /// What another_step_fits wants to be left.
  double needed_seconds() const;

 private:
  std::optional<double> deadline_;
  double factor_;
  double margin_;
  double step_ = 0.0;        // the slower of the last step and a decaying maximum
  double checkpoint_ = 0.0;  // the slowest
};

/// When the job is killed: after `time_limit_seconds` from now (0: not given), or as
/// SLURM_JOB_END_TIME says; the earlier of both. In seconds of base::monotonic_seconds().
std::optional<double> find_deadline(double time_limit_seconds);

/// SLURM_RESTART_COUNT; 0 when it is not set.
int restart_count();

/// All ranks learn whether any rank saw a signal or has no time left. Collective over: comm.
StopToken agree_to_stop(parallel::Communicator& comm, const TimeBudget& budget);

}  // namespace r1::mpi
