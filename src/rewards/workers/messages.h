#pragma once
// The messages between the program and a worker process, as payloads of frames (wire.h).
//
//   program: configuration (once)   worker: hello
//   program: request                worker: reply          (one request at a time)
//
// The service of the worker (service.h) gives the bodies of requests and replies their meaning.
#include <cstdint>
#include <string>

#include "data/types.h"
#include "rewards/options.h"
#include "rewards/reward.h"

namespace r1::rewards::workers {

/// What a worker does.
enum class ServiceKind : std::uint8_t { Rewards = 1, Tools = 2 };

struct Configuration {
  ServiceKind service = ServiceKind::Rewards;
  std::int64_t memory_mib = 0;  // address space of the worker process
  std::string options;          // of the service, packed
};

/// The worker is configured, or `problem` gives the reason why not.
struct Hello {
  std::string description;  // of the worker's service
  std::string warnings;
  std::string problem;
};

/// A request, or the reply to the request of the same number.
struct Numbered {
  std::uint64_t number = 0;
  std::string body;
};

// Each unpack function throws WireError on bytes that the matching pack() did not make.
std::string pack(const Configuration& configuration);
Configuration unpack_configuration(const std::string& payload);
std::string pack(const Hello& hello);
Hello unpack_hello(const std::string& payload);
std::string pack(const Numbered& message);
Numbered unpack_numbered(const std::string& payload);

// The service Rewards: options, request, reply.
std::string pack(RewardOptions options);
RewardOptions unpack_options(const std::string& payload);
std::string pack(const RewardInput& input);
RewardInput unpack_input(const std::string& body);
std::string pack(const data::Reward& reward);
data::Reward unpack_reward(const std::string& body);

}  // namespace r1::rewards::workers
