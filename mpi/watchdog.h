#pragma once
// The watchdog: a thread that ends the job with one clear line when a call of this rank waits
// longer than its limit, or its device reports a failed one. It asks the other ranks' watchdogs
// where they stand, so that the line says who has not arrived. Free of torch and MPI (messages go
// through WatchdogChannel).
//
// A wait for another role's work may last long, but only as long as that work can go on: all
// watchdogs answer, and one rank at least computes. Else it is a hang after the same limit as any
// other call.
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "mpi/call_registry.h"

namespace r1::mpi {

/// Seconds after which a wait is taken for a hang, and how the watchdog works.
struct WatchdogLimits {
  double collective = 600.0;  // calls that all ranks of a communicator make together; any wait
                              // while a rank does not answer or all ranks wait
  double role = 86400.0;      // idle waits of a role for the work of another
  double poll = 0.5;          // between two looks
  double answer = 5.0;        // for the other ranks' answers
};

/// A message between watchdogs; plain bytes.
struct WatchdogMessage {
  enum Kind : std::int32_t { Question, Answer };
  std::int32_t kind = Question;
  std::int32_t from = 0;
  std::uint64_t communicator = 0;  // hash of its name
  std::uint64_t sequence = 0;      // the collective the asker waits in
  std::uint64_t issued = 0;        // answer: collectives issued on it
  double waited = 0.0;             // answer: seconds in its present wait; 0: computes
  std::int32_t member = 0;         // answer: has that communicator
  char call_there[96] = {};        // answer: what it issued under that number
  char doing[160] = {};            // answer: what it waits in now; empty: computes
};
static_assert(std::is_trivially_copyable_v<WatchdogMessage>);

/// How watchdogs talk and how they end the job. Used by the watchdog's thread alone.
class WatchdogChannel {
 public:
  virtual ~WatchdogChannel() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual void post(int to, const WatchdogMessage& message) = 0;  // does not block
  virtual std::optional<WatchdogMessage> poll() = 0;              // does not block
  /// Prints `line` and ends the job on all ranks. A test's channel may return.
  virtual void end_job(const std::string& line, int exit_code) = 0;
};

class Watchdog {
 public:
  Watchdog(CallRegistry& registry, std::unique_ptr<WatchdogChannel> channel, WatchdogLimits limits,
           std::string host);
  /// Stops the thread.
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  using Answers = std::vector<std::optional<WatchdogMessage>>;

  void run();
  bool pause(double seconds);  // false: asked to stop
  std::optional<PendingCall> overdue() const;
  bool may_last(const PendingCall& call, const Answers& answers);
  void investigate(const PendingCall& call);
  void report(const CallRegistry::Failure& failure);
  bool let_lower_rank_print();
  bool still_waits(const PendingCall& call) const;
  Answers ask_all(const PendingCall& call);
  void serve(Answers* answers);
  void answer(const WatchdogMessage& question);

  CallRegistry& registry_;
  std::unique_ptr<WatchdogChannel> channel_;
  const WatchdogLimits limits_;
  const std::string host_;
  double lower_rank_asked_ = -1e9;  // when a lower rank began to investigate: it prints, not we
  double next_look_ = 0.0;          // at waits for other roles
  std::set<int> silent_;            // ranks that did not answer at the last such look
  std::mutex mutex_;
  std::condition_variable stop_changed_;
  bool stop_ = false;
  std::thread thread_;
};

/// The line that ends a job: rank, host, call, label, number, seconds, who has not arrived.
/// answers[r] empty: rank r did not answer (or is this rank).
std::string describe_hang(const PendingCall& call, int rank, const std::string& host,
                          double seconds,
                          const std::vector<std::optional<WatchdogMessage>>& answers);

/// The line for a failure on a device: rank, host, what failed, in which call, who has not arrived
/// there.
std::string describe_failure(const CallRegistry::Failure& failure, int rank,
                             const std::string& host,
                             const std::vector<std::optional<WatchdogMessage>>& answers);

}  // namespace r1::mpi
