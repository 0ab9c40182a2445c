#pragma once
// Early, orderly stop: signals and the time limit become one decision that all ranks agree on.
#include <optional>
#include <string>

#include "parallel/communicator.h"

namespace r1::mpi {

/// Whether all ranks stop now, and the reason.
struct StopToken {
  enum Reason : int { None = 0, TimeLimit = 1, Signal = 2 };
  Reason reason = None;
  int signal = 0;  // highest signal number that a rank received
  explicit operator bool() const { return reason != None; }
  /// Text for the log: "signal 10 (User defined signal 1)", "time limit".
  std::string describe() const;
};

/// USR1, USR2 and TERM set a flag; CONT is ignored. The destructor restores the handlers.
class SignalHandlers {
 public:
  SignalHandlers();
  ~SignalHandlers();
  SignalHandlers(const SignalHandlers&) = delete;
  SignalHandlers& operator=(const SignalHandlers&) = delete;
  /// The signals end the process again. A signal that has come already does so now.
  static void restore_defaults();
  /// Highest number of the received signals; 0: none.
  static int received();
};

/// The remaining time of the job, compared with the measured times of steps and checkpoints. Times
/// are in seconds of base::monotonic_seconds().
class TimeBudget {
 public:
  /// `deadline`: when the job is killed; nullopt: never. The times of steps and checkpoints vary
  /// (lengths of rollouts, a busy filesystem), so measured times are multiplied by `factor`, and
  /// `margin` seconds are added.
  explicit TimeBudget(std::optional<double> deadline = {}, double factor = 1.5,
                      double margin = 30.0)
      : deadline_(deadline), factor_(factor), margin_(margin) {}
  void record_step(double seconds);
  void record_checkpoint(double seconds);
  /// Whether another step and a checkpoint will end before the deadline.
  bool another_step_fits(double now) const;
  std::optional<double> deadline() const { return deadline_; }
  /// The remaining seconds that another_step_fits() requires.
  double needed_seconds() const;

 private:
  std::optional<double> deadline_;
  double factor_;
  double margin_;
  double step_ = 0.0;        // maximum of the last step and a decaying maximum
  double checkpoint_ = 0.0;  // the slowest checkpoint
};

/// The deadline of the job: `time_limit_seconds` from now (0: none) or SLURM_JOB_END_TIME,
/// whichever is earlier. In seconds of base::monotonic_seconds().
std::optional<double> find_deadline(double time_limit_seconds);

/// SLURM_RESTART_COUNT; 0 if not set.
int restart_count();

/// Returns on all ranks whether any rank received a signal or has no time left. Collective over:
/// comm.
StopToken agree_to_stop(parallel::Communicator& comm, const TimeBudget& budget);

}  // namespace r1::mpi
