#pragma once
// What a configuration needs before anything is allocated: who runs where, memory by kind, time,
// and what does not fit and why. Pure: a function of configuration and world size. The memory is a
// model (weights, states and caches to the byte, activations by counting tensors), the time an
// estimate from peak rates and [plan]'s efficiencies.
#include <string>
#include <vector>

#include "config/config.h"

namespace r1::config {

/// A device to plan for.
struct Machine {
  std::string name;
  double memory = 0.0;     // bytes
  double flops = 0.0;      // bf16 matmul peak, 1/s
  double bandwidth = 0.0;  // memory, bytes/s
};

/// The machine of [plan] gpu for this device; memory_gb wins over its own.
Machine find_machine(const PlanOptions& plan, const std::string& device);

/// Bytes of one kind in one role on each of its ranks.
struct MemoryItem {
  std::string
      kind;  // "weights", "gradients", "optimizer", "activations", "KV cache", "logits chunk"
  double bytes = 0.0;
};

/// A role's ranks [first_rank, first_rank + num_ranks) and what each of them holds.
struct RolePlan {
  std::string role;
  std::int64_t first_rank = 0;
  std::int64_t num_ranks = 0;
  std::int64_t tp = 1, ep = 1, dp = 1;
  double parameters = 0.0;
  std::vector<MemoryItem> memory;

  double bytes() const;
};

/// Seconds of one step's parts, as if they did not overlap.
struct StepTime {
  double generate = 0.0;
  double score = 0.0;
  double update = 0.0;
  double tokens = 0.0;  // sampled or trained on
  double steps = 0.0;   // of the stage

  double seconds() const { return generate + score + update; }
};

struct Plan {
  std::string command;
  std::int64_t world_size = 0;
  Machine machine;
  std::vector<RolePlan> roles;
  StepTime time;
  std::vector<std::string> misfits;  // one sentence each; empty: it fits
  std::vector<std::string> notes;    // what the plan could not know

  /// Bytes on a rank: the sum over the roles on it.
  double bytes_on_rank(std::int64_t rank) const;
  /// The table for a terminal.
  std::string text() const;
};

/// The plan of one stage.
Plan make_plan(const Config& config, const std::string& command, std::int64_t world_size);

}  // namespace r1::config
