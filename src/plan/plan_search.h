#pragma once
// Layouts of a stage that fit: tried one after the other with make_plan, all roles on the same
// ranks.
#include <optional>
#include <string>
#include <vector>

#include "plan/plan.h"

namespace r1::plan {

/// A layout that was tried, with what was set to get there.
struct Layout {
  Config config;
  // What differs from the configuration asked about, each for --set: "roles.policy.train.tp=8".
  std::vector<std::string> settings;
  Plan plan;
  bool fits = false;
};

/// What a search may do.
struct SearchRules {
  double memory_share = 1.0;  // of a rank that may be used
  bool offload = false;       // state and reference may live in host memory
  std::int64_t most_ranks = 4096;
};

/// The layout of exactly `ranks` ranks with the shortest step. Tensor parallel groups have up
/// to 8 ranks or those of a node, and divide heads and key/value heads; experts divide over ep x
/// tp. Where a split does not fit, it is tried with less memory in turn: sharded states,
/// recomputation, shorter micro-batches, fewer sequences at once, bf16 gradients, sharded weights,
/// a context axis, offload. Where nothing fits: the layout that comes nearest, whose step is not
/// estimated.
Layout best_layout(const Config& config, Stage stage, std::int64_t ranks,
                   const SearchRules& rules = {});

/// The smallest power of two ranks on which something fits, and its best layout.
std::optional<Layout> smallest_layout(const Config& config, Stage stage,
                                      const SearchRules& rules = {});

/// For a plan that fits: the layout of the same ranks whose step is shorter by 5 % or more, with
/// the levers for time, as a line for a terminal that plan accepts when it is pasted; "": there is
/// none.
std::string faster_layout(const Config& config, const Plan& plan);

/// For a plan that does not fit: what each single change would save on the fullest rank, and the
/// smallest layouts that fit, as lines for a terminal.
std::string advice(const Config& config, const Plan& plan);

}  // namespace r1::plan
