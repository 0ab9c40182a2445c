#pragma once
// What this rank waits in and since when, and which calls it has issued on each communicator: what
// the watchdog reads. Free of torch and MPI; thread-safe.
#include <array>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace r1::mpi {

/// How long a wait may be: calls that all ranks make at about the same time, or idle waits of a
/// role for another role's work.
enum class Patience { Collective, Role };

/// A wait in progress.
struct PendingCall {
  const char* call = "";       // "MPI_Iallreduce"
  std::string label;           // the caller's
  std::string communicator;    // name, equal on all its members
  std::uint64_t sequence = 0;  // number of the collective on that communicator, from 1
  int peer = -1;               // world rank waited for; -1: a collective
  Patience patience = Patience::Collective;
  double since = 0.0;  // base::monotonic_seconds()
};

/// "MPI_Iallreduce 'gradients' (communicator world, call 12)".
std::string describe_call(const PendingCall& call);

/// The calls of one communicator that run on a device while no thread waits for them. The
/// watchdog's thread asks; only abort() may block.
class DeviceCalls {
 public:
  virtual ~DeviceCalls() = default;
  /// The call that the device is in now; `since` is when it was first seen there.
  virtual std::optional<PendingCall> current() = 0;
  /// Sequence number of the last collective that the device has begun; empty: all that were issued.
  virtual std::optional<std::uint64_t> reached() = 0;
  /// What library or device report as failed; empty: nothing.
  virtual std::string failure() = 0;
  /// Ends the calls in flight; their results are garbage.
  virtual void abort() = 0;
};

/// Where a rank stands on one communicator.
struct CallPosition {
  bool member = false;       // this rank has that communicator
  std::uint64_t issued = 0;  // collectives issued so far (on a device: begun)
  std::string call_there;    // call and label it issued as number `sequence`; empty: not yet, or
                             // long ago
};

class CallRegistry {
 public:
  /// The registry of this process.
  static CallRegistry& instance();

  /// A communicator by its name. The number is this process' own. `device_calls`: for calls that
  /// complete without a thread of this process.
  int open_communicator(const std::string& name,
                        std::shared_ptr<DeviceCalls> device_calls = nullptr);
  void close_communicator(int id);
  /// Notes that a collective is issued; returns its sequence number. `call` and `label` must be
  /// string literals or live as long as the communicator.
  std::uint64_t issue(int id, const char* call, const char* label);

  /// Between construction and destruction this thread waits in `call`.
  class Waiting {
   public:
    Waiting(CallRegistry& registry, PendingCall call);
    ~Waiting();
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    CallRegistry& registry_;
    std::uint64_t id_;
  };

  /// All waits of this process and its devices, oldest first.
  std::vector<PendingCall> waiting() const;
  /// Seconds of all waits of that kind that have ended.
  double waited_seconds(Patience patience) const;
  /// A device's failure and the call it was in.
  struct Failure {
    std::string text;
    std::optional<PendingCall> call;
  };
  std::optional<Failure> device_failure() const;
  /// Ends all calls in flight on devices, giving that `seconds` at most. From then on a thread that
  /// issues a call or begins a wait is held: what it computes next would be garbage.
  void abort_device_calls(double seconds);
  CallPosition position(std::uint64_t communicator_hash, std::uint64_t sequence) const;

 private:
  static constexpr std::size_t kHistory = 32;
  struct Issued {
    std::uint64_t sequence = 0;
    const char* call = "";
    const char* label = "";
  };
  struct Communicator {
    std::uint64_t hash = 0;
    std::shared_ptr<DeviceCalls> device_calls;
    std::uint64_t issued = 0;
    std::array<Issued, kHistory> history;  // ring over the sequence number
  };

  std::vector<std::shared_ptr<DeviceCalls>> device_calls() const;
  void hold_when_aborted(std::unique_lock<std::mutex>& lock);

  mutable std::mutex mutex_;
  std::condition_variable never_;
  bool aborted_ = false;
  int next_communicator_ = 0;
  std::uint64_t next_wait_ = 0;
  std::map<int, Communicator> communicators_;
  std::map<std::uint64_t, PendingCall> waits_;
  std::array<double, 2> waited_seconds_{};  // by patience
};

}  // namespace r1::mpi
