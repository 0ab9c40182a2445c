#pragma once
// Training samples of the supervised stages: read, tokenised, and split into training and held-out
// parts. The order depends only on (seed, epoch).
#include <functional>
#include <span>

#include "data/sft.h"
#include "prompt_source.h"

namespace r1::mpi {

/// What a record gives.
struct SupervisedRecord {
  std::vector<data::TrainingSample> samples;  // none: the record is a prompt alone
  data::PromptText prompt;
  std::string question;     // identity, by which the record is held out
  std::int64_t length = 0;  // tokens of the longest sequence that the record leads to
};
/// Prompt and completion of the longest of the samples, tokens.
std::int64_t longest_sample(std::span<const data::TrainingSample> samples);

/// Reads the record at `where`. Throws: InputError for a bad line.
using ReadRecord = std::function<SupervisedRecord(
    const nlohmann::json& record, const std::string& where, const data::PromptRenderer& renderer)>;

/// Records whose answer is learnt token by token: one sample each.
ReadRecord next_token_reader(const data::DataOptions& options, data::LossOn loss_on);
/// Prompts, to which a model samples answers of up to sampling.max_new_tokens.
ReadRecord prompt_reader(const config::Config& config);

class SupervisedData {
 public:
  /// Reads the [data] files, or without files takes the generated problems with their answers;
  /// records without the named fields are bad lines. The questions of held_out_files are held out,
  /// or without these files the share `held_out` of the questions. `read` gives the same number of
  /// samples for each record. Collective over: world.
  SupervisedData(const Run& run, std::int64_t max_length, const ReadRecord& read);

  /// The samples of a step's `size` records, record by record; equal on every rank.
  std::vector<data::TrainingSample> batch(std::int64_t step, std::int64_t size) const;
  /// The prompts of these records, for a model that samples its own answers; index = position in
  /// the step. Records without a prompt are left out.
  std::vector<data::Prompt> prompts(std::int64_t step, std::int64_t size) const;
  /// The samples of the held-out records.
  const std::vector<data::TrainingSample>& held_out() const { return held_out_; }
  std::size_t num_held_out() const { return num_held_out_; }
  /// Number of training records.
  std::int64_t size() const { return static_cast<std::int64_t>(train_.size()); }
  /// Number of optimizer steps in `epochs` epochs, or `steps` if `steps` is given.
  std::int64_t total_steps(std::int64_t epochs, std::int64_t steps, std::int64_t batch) const;

 private:
  class Loading;
  /// Indices in train_ of a step's records.
  std::vector<std::size_t> records_of(std::int64_t step, std::int64_t size) const;

  const Run& run_;
  std::vector<std::vector<data::TrainingSample>> train_;  // by record
  std::vector<data::TrainingSample> held_out_;
  std::size_t num_held_out_ = 0;  // records
  std::optional<data::PromptRenderer> renderer_;
  std::vector<data::PromptText> prompt_texts_;  // prompts of train_
};

}  // namespace r1::mpi
