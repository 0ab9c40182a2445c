#pragma once
// What this rank waits in and since when, and which calls it has issued on each communicator: what
// the watchdog reads. Free of torch and MPI; thread-safe.
#include <array>
#include <cstdint>
#include <map>
#include <mutex>
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

/// Where a rank stands on one communicator.
struct CallPosition {
  bool member = false;       // this rank has that communicator
  std::uint64_t issued = 0;  // collectives issued so far
  std::string call_there;    // call and label it issued as number `sequence`; empty: not yet, or
                             // long ago
};

class CallRegistry {
 public:
  /// The registry of this process.
  static CallRegistry& instance();

  /// A communicator by its name. The number is this process' own.
  int open_communicator(const std::string& name);
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

  /// All waits of this process, oldest first.
  std::vector<PendingCall> waiting() const;
  /// Seconds of all waits of that kind that have ended.
  double waited_seconds(Patience patience) const;
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
    std::uint64_t issued = 0;
    std::array<Issued, kHistory> history;  // ring over the sequence number
  };

  mutable std::mutex mutex_;
  int next_communicator_ = 0;
  std::uint64_t next_wait_ = 0;
  std::map<int, Communicator> communicators_;
  std::map<std::uint64_t, PendingCall> waits_;
  std::array<double, 2> waited_seconds_{};  // by patience
};

}  // namespace r1::mpi
