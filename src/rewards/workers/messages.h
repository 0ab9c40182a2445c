#pragma once
// The messages between the program and a worker process, as payloads of frames (wire.h).
//
//   program: configuration (once)   worker: hello
//   program: request                worker: reply          (one request at a time)
#include <cstdint>
#include <string>

#include "data/types.h"
#include "rewards/options.h"
#include "rewards/reward.h"

namespace r1::rewards::workers {

/// The worker is configured, or `problem` gives the reason why not.
struct Hello {
  std::string description;  // of the worker's PartScorer
  std::string warnings;
  std::string problem;
};

struct Request {
  std::uint64_t sample = 0;  // repeated in the reply
  RewardInput input;
};

struct Reply {
  std::uint64_t sample = 0;
  data::Reward reward;
};

// Each unpack function throws WireError on bytes that the matching pack() did not make.
std::string pack(RewardOptions options);
RewardOptions unpack_options(const std::string& payload);
std::string pack(const Hello& hello);
Hello unpack_hello(const std::string& payload);
std::string pack(std::uint64_t sample, const RewardInput& input);
Request unpack_request(const std::string& payload);
std::string pack(const Reply& reply);
Reply unpack_reply(const std::string& payload);

}  // namespace r1::rewards::workers
