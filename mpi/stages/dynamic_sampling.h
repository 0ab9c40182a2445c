#pragma once
// Dynamic sampling: new prompts replace groups whose samples all have the same reward, because such
// groups have no learning signal. Reference: DAPO, arXiv 2503.14476, section 3.2 ([rl]
// resample_zero_advantage).
#include <functional>
#include <vector>

#include "prompt_source.h"
#include "run_loop.h"

namespace r1::mpi {

class DynamicSampling {
 public:
  /// Samples and scores the prompts; returns this rank's part of the rollouts. Collective over:
  /// world.
  using Sample = std::function<std::vector<data::Rollout>(std::span<const data::Prompt>)>;

  DynamicSampling(const Run& run, const PromptSource& prompts);

  /// Registers the position in the sequence of problems in the checkpoints of the loop. Collective
  /// over: none.
  void persist(RunLoop& loop);

  /// The first prompts of a step; equal on every rank.
  std::vector<data::Prompt> batch(std::int64_t step);

  /// Replaces groups of equal rewards in `rollouts` (the rollouts of batch(step)) until the step
  /// has its number of groups, or until [rl] max_resample_rounds rounds are used; groups of equal
  /// rewards then fill the rest. Groups and samples are renumbered from 0. Returns the number of
  /// groups that were replaced or tried, equal on all ranks. The result depends on the seed and not
  /// on the layout. Does nothing if the option is off. Collective over: world.
  std::int64_t refill(std::vector<data::Rollout>& rollouts, const Sample& sample);

 private:
  std::vector<data::Prompt> next(std::int64_t count, std::int64_t first_index);
  std::vector<bool> find_useful(std::span<const data::Rollout> rollouts, std::int64_t num_groups);

  const Run& run_;
  const PromptSource& prompts_;
  std::int64_t next_place_ = 0;  // in the endless sequence of problems
};

/// Chooses the groups of a step from the sampled groups: the first `wanted` useful groups; if there
/// are too few useful groups, the first other groups fill the rest. The result is ascending. Pure
/// function.
std::vector<std::int64_t> choose_groups(const std::vector<bool>& useful, std::int64_t wanted);

}  // namespace r1::mpi
