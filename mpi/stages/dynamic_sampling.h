#pragma once
// Dynamic sampling: groups whose samples all earn the same reward teach nothing and are replaced by
// new prompts. Reference: DAPO, arXiv 2503.14476, section 3.2 ([rl] resample_zero_advantage).
#include <functional>
#include <vector>

#include "prompt_source.h"
#include "run_loop.h"

namespace r1::mpi {

class DynamicSampling {
 public:
  /// Samples and scores the prompts; this rank's part of the rollouts. Collective over: world.
  using Sample = std::function<std::vector<data::Rollout>(std::span<const data::Prompt>)>;

  DynamicSampling(const Run& run, const PromptSource& prompts);

  /// Checkpoints of the loop then hold which problem comes next. Collective over: none.
  void persist(RunLoop& loop);

  /// The first prompts of a step; the same on every rank.
  std::vector<data::Prompt> batch(std::int64_t step);

  /// Replaces groups of equal rewards in `rollouts` (those of batch(step)) until the step's number
  /// of groups is full or [rl] max_resample_rounds are over; groups of equal rewards then fill the
  /// rest. Groups and samples are numbered anew from 0. Returns the number of groups replaced or
  /// tried, equal on all ranks. A function of the seed alone, not of the layout. Does nothing when
  /// the option is off. Collective over: world.
  std::int64_t refill(std::vector<data::Rollout>& rollouts, const Sample& sample);

 private:
  std::vector<data::Prompt> next(std::int64_t count, std::int64_t first_index);
  std::vector<bool> find_useful(std::span<const data::Rollout> rollouts, std::int64_t num_groups);

  const Run& run_;
  const PromptSource& prompts_;
  std::int64_t next_place_ = 0;  // in the endless sequence of problems
};

/// The groups of a step out of those sampled: the first `wanted` useful ones; too few: the first of
/// the others too. Ascending. Pure.
std::vector<std::int64_t> choose_groups(const std::vector<bool>& useful, std::int64_t wanted);

}  // namespace r1::mpi
