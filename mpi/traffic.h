#pragma once
// How much this rank says and hears: messages and bytes of its communicators and exchanges. What a
// layout costs must not grow with the world, and these numbers show it (tests/bench/scale.py).
//
// A message between two ranks counts at both ends, with its bytes; a collective is one message of
// each rank, whatever the library makes of it, with the bytes that the rank puts in and takes out;
// an all-to-all has one message for each other rank that gets or sends something. Groups of one
// rank say nothing.
#include <atomic>
#include <cstdint>

namespace r1::mpi {

struct Traffic {
  std::int64_t messages = 0;
  std::int64_t bytes = 0;

  Traffic operator-(const Traffic& before) const {
    return {messages - before.messages, bytes - before.bytes};
  }
};

/// What this process has said and heard so far. Thread-safe.
class TrafficCounter {
 public:
  static TrafficCounter& instance();

  void add(Traffic traffic) {
    messages_ += traffic.messages;
    bytes_ += traffic.bytes;
  }
  Traffic total() const { return {messages_, bytes_}; }

 private:
  std::atomic<std::int64_t> messages_ = 0;
  std::atomic<std::int64_t> bytes_ = 0;
};

}  // namespace r1::mpi
