#pragma once
// The registry of communication calls, for the watchdog: what this rank waits in and since when,
// and which calls it has issued on each communicator. Free of torch and MPI; thread-safe.
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

/// The limit of a wait. Collective: calls that all ranks make at about the same time. Role: idle
/// waits of a role for the work of another role.
enum class Patience { Collective, Role };

/// A wait in progress.
struct PendingCall {
  const char* call = "";       // "MPI_Iallreduce"
  std::string label;           // label of the call
  std::string communicator;    // name, equal on all ranks of the communicator
  std::uint64_t sequence = 0;  // number of the collective on the communicator, from 1
  int peer = -1;               // world rank of the peer; -1: a collective
  Patience patience = Patience::Collective;
  double since = 0.0;  // base::monotonic_seconds()
};

/// Text for messages: "MPI_Iallreduce 'gradients' (communicator world, call 12)".
std::string describe_call(const PendingCall& call);

/// The calls of one communicator that run on a device without a waiting thread. Only the watchdog's
/// thread calls these functions; only abort() may block.
class DeviceCalls {
 public:
  virtual ~DeviceCalls() = default;
  /// The call that the device executes now; `since` is the time when this was first observed.
  virtual std::optional<PendingCall> current() = 0;
  /// Sequence number of the last collective that the device has begun; empty: all issued
  /// collectives.
  virtual std::optional<std::uint64_t> reached() = 0;
  /// A failure reported by the library or the device; empty: none.
  virtual std::string failure() = 0;
  /// Ends the calls in flight; their results are invalid.
  virtual void abort() = 0;
};

/// The position of a rank on one communicator.
struct CallPosition {
  bool member = false;       // this rank belongs to the communicator
  std::uint64_t issued = 0;  // collectives issued so far (on a device: begun)
  std::string call_there;    // call and label issued under `sequence`; empty: unknown
};

class CallRegistry {
 public:
  /// The registry of this process.
  static CallRegistry& instance();

  /// Registers a communicator by its name and returns a number that is local to this process.
  /// `device_calls`: for calls that complete without a thread of this process.
  int open_communicator(const std::string& name,
                        std::shared_ptr<DeviceCalls> device_calls = nullptr);
  void close_communicator(int id);
  /// Records that a collective is issued, and returns the sequence number of the collective. `call`
  /// and `label` must be string literals, or live as long as the communicator.
  std::uint64_t issue(int id, const char* call, const char* label);

  /// From construction to destruction, this thread waits in `call`.
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

  /// All waits of this process and of its devices, oldest first.
  std::vector<PendingCall> waiting() const;
  /// Total seconds of all finished waits of this kind.
  double waited_seconds(Patience patience) const;
  /// The failure of a device, and the call in which the device failed.
  struct Failure {
    std::string text;
    std::optional<PendingCall> call;
  };
  std::optional<Failure> device_failure() const;
  /// Ends all calls in flight on devices, within `seconds`. Afterwards every thread that issues a
  /// call or begins a wait is blocked, because its results would be invalid.
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
    std::array<Issued, kHistory> history;  // ring buffer, by sequence number
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
