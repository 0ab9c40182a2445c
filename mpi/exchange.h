#pragma once
// Typed messages between ranks, mostly of different roles: any value that Boost.Serialization (and
// mpi/serialization.h) can write, tensors included.
//
//   sender                      receiver
//   send(to, tag, rollouts)     auto r = receive<std::vector<Rollout>>(from, tag)
//
// Messages of one (sender, receiver, tag) arrive in the order in which they were sent. All calls
// come from one thread. Long messages move only while both ends call progress(), receive() or
// flush(): decode loops call progress().
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "mpi/check_mpi.h"
#include "mpi/serialization.h"

namespace r1::mpi {

class Exchange {
 public:
  /// Collective over: parent. Ranks in send and receive are those of `parent`.
  explicit Exchange(MPI_Comm parent);
  /// Warns when messages are still under way; call flush() first.
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// Starts sending a copy of `value`; tensors are not copied (GPU tensors are, to the host) and
  /// must not be written before flush() or the receiver's answer. `to` may be this rank.
  template <class T>
  void send(int to, int tag, const T& value) {
    send_encoded(to, tag, encode(value));
  }

  /// The next message of `from` with this tag; waits with back-off, seen by the watchdog.
  /// Throws: MpiError when it is corrupt or of another type than T.
  template <class T>
  T receive(int from, int tag, const char* label = "message") {
    return open<T>(wait_for(from, tag, label), from, tag);
  }

  /// The same when it has arrived in full, else nothing. Makes progress.
  template <class T>
  std::optional<T> try_receive(int from, int tag) {
    progress();
    auto encoded = take(from, tag);
    if (!encoded) return std::nullopt;
    return open<T>(std::move(*encoded), from, tag);
  }

  /// Moves all messages on, both ways; does not wait.
  void progress();
  /// Waits until everything sent has left; receives meanwhile.
  void flush(const char* label = "flush of messages");
  /// Messages not yet sent in full.
  std::size_t num_outgoing() const;

 private:
  struct Outgoing;
  struct Incoming;

  template <class T>
  T open(Encoded encoded, int from, int tag) const {
    check_type(encoded, demangle(typeid(T).name()), from, tag);
    return decode<T>(encoded);
  }
  void send_encoded(int to, int tag, Encoded encoded);
  Encoded wait_for(int from, int tag, const char* label);
  std::optional<Encoded> take(int from, int tag);
  void check_type(const Encoded& encoded, const std::string& expected, int from, int tag) const;
  void check_arguments(int peer, int tag) const;
  void progress_outgoing();
  void accept_new_messages();
  void progress_incoming();

  CommHandle heads_;
  CommHandle bodies_;  // tensors; apart, so that a search for heads never finds one
  int rank_ = 0;
  int size_ = 1;
  std::list<Outgoing> outgoing_;
  std::map<std::pair<int, int>, std::deque<Incoming>> inbox_;  // by (from, tag)
};

}  // namespace r1::mpi
