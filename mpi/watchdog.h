#pragma once
// The watchdog: a thread that ends the job with one line of text if a call of this rank waits
// longer than its limit, or if the device reports a failed call. The watchdog asks the watchdogs of
// the other ranks for their positions, so that the line names the ranks that have not arrived. Free
// of torch and MPI (messages use WatchdogChannel).
//
// A wait for the work of another role may last long, but only while all watchdogs answer and at
// least one rank computes. Otherwise the wait counts as a hang after the limit of collective calls.
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

/// Limits in seconds after which a wait counts as a hang, and intervals of the watchdog.
struct WatchdogLimits {
  double collective = 600.0;  // calls that all ranks of a communicator make together; any wait
                              // while a rank does not answer or all ranks wait
  double role = 86400.0;      // idle waits of a role for the work of another role
  double poll = 0.5;          // between two checks
  double answer = 5.0;        // for the answers of the other ranks
};

/// A message between watchdogs, as plain bytes.
struct WatchdogMessage {
  enum Kind : std::int32_t { Question, Answer };
  std::int32_t kind = Question;
  std::int32_t from = 0;
  std::uint64_t communicator = 0;  // hash of the communicator's name
  std::uint64_t sequence = 0;      // the collective in which the asking rank waits
  std::uint64_t issued = 0;        // answer: number of collectives issued on the communicator
  double waited = 0.0;             // answer: seconds of the current wait; 0: the rank computes
  std::int32_t member = 0;         // answer: whether the rank belongs to the communicator
  char call_there[96] = {};        // answer: the call issued under `sequence`
  char doing[160] = {};            // answer: the call in which the rank waits; empty: it computes
};
static_assert(std::is_trivially_copyable_v<WatchdogMessage>);

/// The connection between watchdogs, which also ends the job. Only the watchdog's thread uses the
/// channel.
class WatchdogChannel {
 public:
  virtual ~WatchdogChannel() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual void post(int to, const WatchdogMessage& message) = 0;  // does not block
  virtual std::optional<WatchdogMessage> poll() = 0;              // does not block
  /// Prints `line` and ends the job on all ranks. The channel of a test may return.
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
  bool pause(double seconds);  // false: stop was requested
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
  // When a lower rank began to investigate; the lower rank then prints the line.
  double lower_rank_asked_ = -1e9;
  double next_look_ = 0.0;  // next check of waits for other roles
  std::set<int> silent_;    // ranks that did not answer at the last such check
  std::mutex mutex_;
  std::condition_variable stop_changed_;
  bool stop_ = false;
  std::thread thread_;
};

/// The line that ends a job: rank, host, call, label, sequence number, seconds, and the ranks that
/// have not arrived. answers[r] empty: rank r did not answer, or is this rank.
std::string describe_hang(const PendingCall& call, int rank, const std::string& host,
                          double seconds,
                          const std::vector<std::optional<WatchdogMessage>>& answers);

/// The line for a failure of a device: rank, host, the failure, the call, and the ranks that have
/// not arrived at the call.
std::string describe_failure(const CallRegistry::Failure& failure, int rank,
                             const std::string& host,
                             const std::vector<std::optional<WatchdogMessage>>& answers);

}  // namespace r1::mpi
