#pragma once
// Typed messages between ranks, mostly of different roles: any value that Boost.Serialization (and
// mpi/serialization.h) can write, including tensors.
//
//   sender                      receiver
//   send(to, tag, rollouts)     auto r = receive<std::vector<Rollout>>(from, tag)
//
// Messages with equal sender, receiver and tag arrive in the order of sending. All calls come from
// one thread. Long messages progress only while both ends call progress(), receive() or flush();
// decode loops therefore call progress().
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
  /// `parent` defines the rank numbers of send and receive. Collective over: parent.
  explicit Exchange(MPI_Comm parent);
  /// Warns if messages are still in flight; call flush() first.
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// Starts sending a copy of `value`. CPU tensors are not copied, and must not be changed before
  /// flush() or the receiver's answer; GPU tensors are copied to the host. `to` may be this rank.
  template <class T>
  void send(int to, int tag, const T& value) {
    send_encoded(to, tag, encode(value));
  }

  /// Returns the next message from `from` with this tag. Waits with back-off, visible to the
  /// watchdog. Throws: MpiError if the message is corrupt, or of a type other than T.
  template <class T>
  T receive(int from, int tag, const char* label = "message") {
    return open<T>(wait_for(from, tag, label), from, tag);
  }

  /// Returns the next message if it has arrived completely, else nothing. Makes progress.
  template <class T>
  std::optional<T> try_receive(int from, int tag) {
    progress();
    auto encoded = take(from, tag);
    if (!encoded) return std::nullopt;
    return open<T>(std::move(*encoded), from, tag);
  }

  /// Makes progress on all messages in both directions; does not wait.
  void progress();
  /// Waits until all messages are sent; receives meanwhile.
  void flush(const char* label = "flush of messages");
  /// Number of messages that are not yet sent completely.
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
  CommHandle bodies_;  // tensors; separate, so that a probe for heads finds no body
  int rank_ = 0;
  int size_ = 1;
  std::list<Outgoing> outgoing_;
  std::map<std::pair<int, int>, std::deque<Incoming>> inbox_;  // by (from, tag)
};

}  // namespace r1::mpi
