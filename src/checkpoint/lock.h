#pragma once
// The lock of a run folder: a file that names its owner and whose age is the owner's heartbeat.
//
// No flock: parallel file systems have none, or an unreliable one. Ages are differences of two
// times given by the same file system, so clocks of nodes may differ or step back.
//
// A start takes a lock over when
//   - the owner is a process of this machine that no longer lives,
//   - the owner is an earlier start of the same job (same job id, lower restart count),
//   - who knows says that the owner's job or host is gone (AskHolder),
//   - the last heartbeat is older than stale_seconds.
// It refuses at once when the owner is known to live. Where nobody knows, as after the loss of a
// node, it waits: for a heartbeat, which is a refusal, or until stale_seconds are over.
#include <cstdint>
#include <functional>
#include <string>

namespace r1::checkpoint {

struct LockOwner {
  std::string host;
  std::int64_t pid = 0;
  std::string machine;           // boot id and pid namespace: whose pids these are
  std::int64_t start_ticks = 0;  // start time of the process: tells a reused pid apart
  std::string job_id;            // of the batch system; empty outside a job
  std::int64_t restart_count = 0;
};

/// This process, with SLURM_JOB_ID and SLURM_RESTART_COUNT.
LockOwner current_owner();

enum class HolderState { Lives, Gone, Unknown };
/// What the batch system says of an owner that is no process of this machine.
using AskHolder = std::function<HolderState(const LockOwner&)>;

struct LockTimes {
  double stale_seconds = 60;
  double look_seconds = 1;  // between two looks at a lock whose owner nobody knows about
  // Two starters may both see a stale lock: the last to write it wins, and each looks after this.
  double settle_seconds = 0.5;
};

/// Held by one process of the run (rank 0).
class RunLock {
 public:
  /// Takes `path`. Throws: base::InputError naming the owner's host, pid, job id, restart count and
  /// the age of its heartbeat when the lock is held.
  RunLock(std::string path, LockOwner owner, const LockTimes& times = {},
          const AskHolder& ask = {});
  /// Removes the lock if it is still ours.
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  /// Renews the lock's time and says what the owner does (PATH.doing), for those who are refused;
  /// call it several times per stale_seconds. May run on any thread, one at a time. Throws:
  /// base::InputError when another process has taken the run folder over, base::FileError.
  void heartbeat(const std::string& doing);
  /// Throws: base::InputError when another process has taken the run folder over.
  void require_mine() const;

 private:
  bool create_exclusively();
  std::string reason_to_take_over(const LockOwner& mine, const LockTimes& times,
                                  const AskHolder& ask) const;
  [[noreturn]] void refuse(const LockOwner& holder, double age_seconds) const;
  void take_over(double settle_seconds);
  bool is_mine() const;
  void write_temporary() const;

  std::string path_;
  std::string temporary_;
  std::string token_;    // unique to this holder
  std::string content_;  // of the lock file
};

}  // namespace r1::checkpoint
