#pragma once
// Training samples of the supervised stages: read, tokenised, and split into training and held-out
// parts. The order depends only on (seed, epoch).
#include "data/sft.h"
#include "prompt_source.h"

namespace r1::mpi {

class SupervisedData {
 public:
  /// Reads the [data] files, or without files takes the generated problems with their answers;
  /// records without the named fields are bad lines. The questions of held_out_files are held out,
  /// or without these files the share `held_out` of the questions. Collective over: world.
  SupervisedData(const Run& run, std::int64_t max_length, data::LossOn loss_on);

  /// The samples of a step; equal on every rank.
  std::vector<data::TrainingSample> batch(std::int64_t step, std::int64_t size) const;
  /// The prompts of these samples, for a model that samples its own answers; index = position in
  /// the step. Records without a prompt are left out.
  std::vector<data::Prompt> prompts(std::int64_t step, std::int64_t size) const;
  const std::vector<data::TrainingSample>& held_out() const { return held_out_; }
  std::int64_t size() const { return static_cast<std::int64_t>(train_.size()); }
  /// Number of optimizer steps in `epochs` epochs, or `steps` if `steps` is given.
  std::int64_t total_steps(std::int64_t epochs, std::int64_t steps, std::int64_t batch) const;

 private:
  /// Indices in train_ of a step's records.
  std::vector<std::size_t> records_of(std::int64_t step, std::int64_t size) const;

  const Run& run_;
  std::vector<data::TrainingSample> train_, held_out_;
  std::optional<data::PromptRenderer> renderer_;
  std::vector<data::PromptText> prompt_texts_;  // prompts of train_
};

}  // namespace r1::mpi
