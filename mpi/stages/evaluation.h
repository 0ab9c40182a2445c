#pragma once
// Scores of the evaluate stage: from answers to evaluation_results.json, its details and tables.
#include <nlohmann/json.hpp>

#include "config/data_stage_options.h"
#include "metrics/pass_at_k.h"
#include "metrics/step_metrics.h"
#include "rewards/options.h"
#include "run.h"

namespace r1::mpi {

/// Answers in the order of sample numbers as questions with their samples and their majority.
/// Answers whose gold cannot be read are left out and counted in `num_dropped`.
std::vector<metrics::QuestionResult> question_results(std::span<const data::Rollout> answers,
                                                      const rewards::TagOptions& tags,
                                                      std::int64_t& num_dropped);

/// Answers of a safety suite: behaviour wanted ("safe" to comply, "unsafe" to refuse) -> how many
/// were refused and complied with. Null when the answers have no such scores.
nlohmann::ordered_json refusal_counts(std::span<const data::Rollout> answers);

/// The first of the models with the files and the prompt template of `model`: it answers for all of
/// them.
const config::EvaluatedModelOptions& answering_model(
    const std::vector<config::EvaluatedModelOptions>& models,
    const config::EvaluatedModelOptions& model);

class EvaluationResults {
 public:
  /// Reads what an earlier start of the run folder finished. Collective over: world.
  explicit EvaluationResults(const Run& run);
  /// Pairs of model and suite that are done; equal on all ranks.
  std::int64_t num_done() const { return num_done_; }
  metrics::StepMetrics add(const std::string& model, const config::SuiteOptions& suite,
                           std::span<const data::Rollout> answers, std::int64_t step);
  /// Writes evaluation_results.json {"model": {"benchmark": score}} and evaluation_details.json
  /// {"model": {"suite or benchmark": {...}}} of all models, prints the tables.
  void finish(const std::vector<config::EvaluatedModelOptions>& models);

 private:
  const Run& run_;
  std::string progress_file_;
  std::int64_t num_done_ = 0;
  nlohmann::ordered_json details_;
};

}  // namespace r1::mpi
