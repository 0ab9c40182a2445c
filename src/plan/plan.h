#pragma once
// What a configuration needs before anything is allocated: who runs where, memory by kind, time,
// and what does not fit and why. Pure: a function of configuration and world size. The memory is a
// model (weights, states and caches to the byte, activations by counting tensors), the time an
// estimate from the machine's rates (machine.h).
#include <string>
#include <vector>

#include "config/config.h"
#include "config/stage.h"
#include "plan/machine.h"

namespace r1::plan {

using config::Config;
using config::Stage;

/// Bytes of one kind in one role on each of its ranks.
struct MemoryItem {
  std::string kind;  // "weights", "gradients", "optimizer", "activations", "KV cache", ...
  double bytes = 0.0;
  std::string phase = {};  // held only then: "generate", "score", "update", "export"; empty: always
  bool on_host = false;    // of a rank on a GPU: in host memory
};

/// A role's ranks [first_rank, first_rank + num_ranks) and what each of them holds. The mesh is the
/// one that the stage would make (parallel/role_layout.h): dp x ep x tp ranks, the model split over
/// tp, its experts over ep x tp.
struct RolePlan {
  std::string role;
  std::int64_t first_rank = 0;
  std::int64_t num_ranks = 0;
  std::int64_t tp = 1, ep = 1, cp = 1, dp = 1;
  double parameters = 0.0;
  bool shares_out_weights = false;  // over its copies: trainer.zero_stage = 3
  std::vector<MemoryItem> memory;

  /// Copies of the model as the data sees it.
  std::int64_t replicas() const { return dp * ep; }
  /// Ranks that hold the same weights that are no experts, and the same experts.
  std::int64_t copies() const { return replicas() * cp; }
  std::int64_t expert_copies() const { return dp * cp; }
  bool is_on(std::int64_t rank) const {
    return rank >= first_rank && rank < first_rank + num_ranks;
  }
};

/// Seconds of one step's parts on the critical path, and of all its steps.
struct StepTime {
  double generate = 0.0;
  double score = 0.0;  // what of it is not hidden behind generation
  double update = 0.0;
  double reduce = 0.0;         // gradients over data parallel ranks, what backward does not hide
  double gather = 0.0;         // shared out weights, what computation does not hide
  double optimizer = 0.0;      // with its state's journeys, where it is offloaded or sharded
  double synchronise = 0.0;    // weights to the sampling layout and to a replaced reference
  double communication = 0.0;  // of generate, score and update: collectives of tp and ep
  double tokens = 0.0;         // sampled or trained on
  double steps = 0.0;          // of the stage; 0: not known

  double seconds() const {
    return generate + score + update + reduce + gather + optimizer + synchronise;
  }
};

/// Seconds outside of the steps.
struct OutsideTime {
  double program = 0.0;       // from the launcher until all ranks are connected
  double load = 0.0;          // models from the file system to every rank
  double loaded_bytes = 0.0;  // by all ranks
  double stall = 0.0;         // of a checkpoint: its copy to host memory
  double save = 0.0;          // the copy to the file system, beside the steps
  double saved_bytes = 0.0;   // of all ranks
};

struct Plan {
  Stage stage = Stage::Rl;
  std::int64_t world_size = 0;
  Machine machine;
  std::vector<RolePlan> roles;
  std::vector<MemoryItem> program;  // of every rank, whatever its roles
  StepTime time;
  OutsideTime outside;
  std::vector<std::string> misfits;  // one sentence each; empty: it fits
  std::vector<std::string> notes;    // what the plan could not know

  /// Null: the stage has no such role.
  const RolePlan* find(const std::string& role) const;
  /// Most bytes at a time on a rank: what its roles always hold, and the largest of their phases.
  double bytes_on_rank(std::int64_t rank, bool on_host = false) const;
  /// Of the rank that holds most.
  double most_bytes(bool on_host = false) const;
  bool fits() const { return misfits.empty(); }
  /// The table for a terminal.
  std::string text() const;
};

/// The plan of one stage. Throws: ConfigError for an unknown machine.
Plan make_plan(const Config& config, Stage stage, std::int64_t world_size);

/// make_plan without the time: the cheaper part, which alone says what fits. Throws: as make_plan.
Plan make_memory_plan(const Config& config, Stage stage, std::int64_t world_size);

}  // namespace r1::plan
