#pragma once
// Training samples of the supervised stages: read, tokenised, split into training and held-out
// parts, in an order that depends on (seed, epoch) alone.
#include "data/sft.h"
#include "prompt_source.h"

namespace r1::mpi {

class SupervisedData {
 public:
  /// Reads [data] files, or where there are none takes the generated problems with their answers;
  /// records without the named fields are bad lines. Every `1 / held_out` th record (by hash of its
  /// text) is held out. Collective over: world.
  SupervisedData(const Run& run, std::int64_t max_length, data::LossOn loss_on);

  /// The samples of a step; the same on every rank.
  std::vector<data::TrainingSample> batch(std::int64_t step, std::int64_t size) const;
  /// What is in front of the completions of those samples, for a model that answers itself;
  /// index = number in the step. Records without a prompt are left out.
  std::vector<data::Prompt> prompts(std::int64_t step, std::int64_t size) const;
  const std::vector<data::TrainingSample>& held_out() const { return held_out_; }
  std::int64_t size() const { return static_cast<std::int64_t>(train_.size()); }
  /// Optimizer steps of `epochs` epochs, or `steps` when that is given.
  std::int64_t total_steps(std::int64_t epochs, std::int64_t steps, std::int64_t batch) const;

 private:
  /// Numbers of a step's records in train_.
  std::vector<std::size_t> records_of(std::int64_t step, std::int64_t size) const;

  const Run& run_;
  std::vector<data::TrainingSample> train_, held_out_;
  std::optional<data::PromptRenderer> renderer_;
  std::vector<data::PromptText> prompt_texts_;  // of train_
};

}  // namespace r1::mpi
