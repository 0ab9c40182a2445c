#pragma once
// Partial rollouts ([rl] partial_rollouts): the groups whose sampling has begun and that no step
// has trained on. They live on the ranks that sample them, on every rank of a replica alike,
// between the steps and in checkpoints: an unfinished sample is a prompt with the tokens that it
// has, as a sequence is that the engine has set back. Its keys and values are computed again with
// the weights of the step that continues it.
//
// The groups of a step keep the owners of the open groups that they were: generation/
// group_selection.h says which open group becomes which group of the step.
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "checkpoint/reader.h"
#include "checkpoint/sharded_tensor.h"
#include "config/rl_options.h"
#include "config/stage_roles.h"
#include "data/types.h"
#include "generation/engine.h"
#include "generation/group_selection.h"

namespace r1::mpi {

/// A group that is open. `prompt.index` is its place in its batch.
struct OpenGroup {
  std::int64_t batch = 0;  // the step whose prompts it is from
  data::Prompt prompt;
  std::vector<data::Completion> samples;  // FinishReason::Unfinished: goes on

  std::int64_t num_finished() const;
};

class OpenGroups {
 public:
  using IsOfPlace = std::function<bool(std::int64_t place)>;
  /// `rl`: prompts and samples of a step. `num_classes`: as in GroupWindow. `is_mine`: whether this
  /// rank holds the groups of a place. `writes`: whether this rank writes these groups into
  /// checkpoints.
  OpenGroups(const config::RlOptions& rl, const config::PartialSchedule& schedule,
             std::int64_t num_classes, IsOfPlace is_mine, IsOfPlace writes);

  /// The first batch that was not opened.
  std::int64_t next_batch() const { return next_batch_; }
  /// Whether the step samples that batch, too.
  bool wants_batch(std::int64_t step) const {
    return next_batch_ < std::min(step + 1 + schedule_.along, num_batches_);
  }
  /// Opens the next batch; equal on all ranks. Groups of other ranks are not kept.
  void open(std::vector<data::Prompt> batch);

  generation::GroupWindow window() const;
  /// Samples of the groups that are open at a time, over all ranks.
  std::int64_t most_samples() const { return (1 + schedule_.along) * batch_size_ * samples_; }
  /// This rank's groups, in the order of batches and places.
  std::vector<OpenGroup>& mine() { return groups_; }
  const std::vector<OpenGroup>& mine() const { return groups_; }
  /// The place of a group in the window of `step`.
  std::int64_t index(const OpenGroup& group, std::int64_t step) const {
    return (group.batch - step + schedule_.late) * batch_size_ + group.prompt.index;
  }
  /// Samples of this rank that have tokens and are not finished.
  std::int64_t num_unfinished() const;

  /// Takes out this rank's groups among `chosen` (choose_groups) as the rollouts of the step.
  std::vector<data::Rollout> take(std::span<const std::int64_t> chosen, std::int64_t step);

  /// Keeps the state for checkpoints: what is written is that of the last call.
  void keep();
  std::vector<checkpoint::ShardedTensor> tensors() const;
  std::int64_t kept_next_batch() const { return kept_next_batch_; }
  /// Takes over this rank's groups of a checkpoint, whatever ranks wrote it. `prompts_of(batch)`:
  /// the batch's prompts. Throws: InputError.
  void restore(checkpoint::CheckpointReader& reader, std::int64_t next_batch,
               const std::function<std::vector<data::Prompt>(std::int64_t batch)>& prompts_of);

 private:
  std::int64_t batch_size_, samples_, num_batches_, num_classes_;
  config::PartialSchedule schedule_;
  IsOfPlace is_mine_, writes_;
  std::int64_t next_batch_ = 0, kept_next_batch_ = 0;
  std::vector<OpenGroup> groups_;
  std::vector<std::pair<std::string, std::string>> kept_;  // name and bytes, by place
};

}  // namespace r1::mpi
