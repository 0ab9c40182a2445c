#pragma once
// Scores of the evaluate stage: computes evaluation_results.json, details and tables from answers.
#include <nlohmann/json.hpp>

#include "config/data_stage_options.h"
#include "metrics/pass_at_k.h"
#include "metrics/step_metrics.h"
#include "rewards/options.h"
#include "run.h"

namespace r1::mpi {

/// Groups answers, in the order of sample numbers, into questions with their samples and the
/// majority vote. Answers with an unreadable gold answer are left out and counted in `num_dropped`.
std::vector<metrics::QuestionResult> question_results(std::span<const data::Rollout> answers,
                                                      const rewards::TagOptions& tags,
                                                      std::int64_t& num_dropped);

/// For a safety suite: wanted behaviour ("safe": comply, "unsafe": refuse) -> numbers of refused
/// and complied answers. Null if the answers have no such scores.
nlohmann::ordered_json refusal_counts(std::span<const data::Rollout> answers);

/// For a suite of verifiable instructions: the shares of prompts all of whose instructions are
/// followed, and of instructions, each strictly and loosely ("prompt_strict", "prompt_loose",
/// "instruction_strict", "instruction_loose"). Null if the answers have no such scores. Reference:
/// IFEval, arXiv 2311.07911, section 2.2.
nlohmann::ordered_json instruction_shares(std::span<const data::Rollout> answers);

/// The first of the models with the same files and prompt template as `model`; the answers of this
/// model count for all of them.
const config::EvaluatedModelOptions& answering_model(
    const std::vector<config::EvaluatedModelOptions>& models,
    const config::EvaluatedModelOptions& model);

class EvaluationResults {
 public:
  /// Reads the results that an earlier start in the run folder finished. Collective over: world.
  explicit EvaluationResults(const Run& run);
  /// Number of finished pairs of model and suite; equal on all ranks.
  std::int64_t num_done() const { return num_done_; }
  metrics::StepMetrics add(const std::string& model, const config::SuiteOptions& suite,
                           std::span<const data::Rollout> answers, std::int64_t step);
  /// Writes evaluation_results.json {"model": {"benchmark": score}} and evaluation_details.json
  /// {"model": {"suite or benchmark": {...}}} of all models, and prints the tables.
  void finish(const std::vector<config::EvaluatedModelOptions>& models);

 private:
  const Run& run_;
  std::string progress_file_;
  std::int64_t num_done_ = 0;
  nlohmann::ordered_json details_;
};

}  // namespace r1::mpi
