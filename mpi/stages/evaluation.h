#pragma once
// Scores of the evaluate stage: from answers to evaluation_results.json, its details and a table.
#include <nlohmann/json.hpp>

#include "config/data_stage_options.h"
#include "metrics/row.h"
#include "rewards/options.h"
#include "run.h"

namespace r1::mpi {

/// Rewards with the suite's scorer as their only part ("maths" is the reward "correctness").
rewards::RewardOptions scorer_options(const rewards::RewardOptions& rewards,
                                      const std::string& scorer);

/// pass@1 over k samples a question with a 95 % interval, and what belongs to it.
struct SuiteScore {
  double pass_at_1 = 0.0, low = 0.0, high = 0.0;
  double majority = 0.0;  // cons@k: the most frequent answer's score; only with k > 1
  double truncated_share = 0.0, mean_tokens = 0.0;
  std::int64_t num_problems = 0, num_samples = 0;
};
/// `answers` in the order of sample numbers. The interval is that of the mean over questions
/// (normal approximation of the question means; binomial Wilson interval when each question has one
/// sample).
SuiteScore score_suite(std::span<const data::Rollout> answers);

/// A benchmark of several suites, as add() stores them: means weighted by questions, the interval
/// of independent suites; "num_samples" of a question.
nlohmann::ordered_json merge_suites(const nlohmann::ordered_json& suites);

class EvaluationResults {
 public:
  /// Reads what an earlier start of the run folder finished. Collective over: world.
  explicit EvaluationResults(Run& run);
  /// Pairs of model and suite that are done; equal on all ranks.
  std::int64_t num_done() const { return num_done_; }
  metrics::Row add(const std::string& model, const config::SuiteOptions& suite,
                   std::span<const data::Rollout> answers, std::int64_t step);
  /// Writes evaluation_results.json {"model": {"benchmark": score}} and evaluation_details.json
  /// {"model": {"benchmark": {"score", "low", "high", …, "suites": {"suite": …}}}}, prints the
  /// table.
  void finish();

 private:
  Run& run_;
  std::string progress_file_;
  std::int64_t num_done_ = 0;
  nlohmann::ordered_json details_;
};

}  // namespace r1::mpi
