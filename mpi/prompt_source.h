#pragma once
// The prompts of a stage, rendered and tokenised; equal on every rank.
#include "data/dataset.h"
#include "data/render.h"
#include "rewards/options.h"
#include "run.h"

namespace r1::mpi {

class PromptSource {
 public:
  /// Loads [data]. Prompts that leave no room for an answer are dropped with a warning that names
  /// the first such prompt. Collective over: world (all ranks read the same files).
  explicit PromptSource(const Run& run);

  /// The prompts of a step, from the files that [[rl.changes]] name for the step; index = position
  /// in the step.
  std::vector<data::Prompt> batch(std::int64_t step, std::int64_t size) const;
  /// The prompts at positions [first, last) of the endless sequence of problems, numbered from
  /// `first_index`.
  std::vector<data::Prompt> places(std::int64_t first, std::int64_t last,
                                   std::int64_t first_index) const;
  std::vector<data::Prompt> held_out(std::int64_t limit = 0) const;
  std::vector<data::Prompt> render(std::span<const data::Problem* const> problems,
                                   std::int64_t first_index) const;
  const data::PromptDataset& dataset() const { return *dataset_; }
  const data::PromptRenderer& renderer() const { return *renderer_; }

 private:
  data::PromptDataset load(const data::DataOptions& options);
  void drop_overlong(data::PromptDataset& dataset);
  const data::PromptDataset& dataset_at(std::int64_t step) const;

  const Run& run_;
  std::optional<data::PromptDataset> dataset_;
  std::vector<std::pair<std::int64_t, data::PromptDataset>> changed_;  // from a step on, in order
  std::optional<data::PromptRenderer> renderer_;
};

/// For rewards that compare with a gold answer: warns if some problems have no gold answer. Throws:
/// InputError if no problem has a gold answer. `label` begins the message.
void require_answers(const Run& run, const std::vector<data::Problem>& problems,
                     const rewards::RewardOptions& rewards, const std::string& label);

/// The renderer of [data] for the run's tokenizer; [rewards.tags] define the tags in templates.
data::PromptRenderer make_renderer(const Run& run);
/// A renderer with other data options and another model's tokenizer.
data::PromptRenderer make_renderer(const Run& run, const data::DataOptions& data,
                                   const TextModel& text);

}  // namespace r1::mpi
