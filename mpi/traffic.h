#pragma once
// Counts of this rank's messages and bytes, over its communicators and exchanges. The communication
// per rank must not grow with the number of ranks, which these counts show (tests/bench/scale.py).
//
// A message between two ranks counts at both ends, with its bytes. A collective counts as one
// message of each rank, independent of the library's algorithm, with the bytes of the rank's input
// and output. An all-to-all counts as one message for each other rank that receives or sends data.
// Groups of one rank count nothing.
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

/// The messages and bytes of this process so far. Thread-safe.
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
