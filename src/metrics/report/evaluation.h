#pragma once
// The results of an evaluation, model x suite -> score with interval, read from the run folder.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace r1::metrics {

/// pass@1 of one model on one suite. Members that evaluation_details.json does not contain are
/// absent.
struct Score {
  double value = 0.0;         // in [0, 1]
  std::optional<double> low;  // confidence interval
  std::optional<double> high;
  std::int64_t num_problems = 0;  // 0: unknown
  std::int64_t num_samples = 0;   // over all problems; 0: unknown
};

/// Scores in the order of the files.
struct Evaluation {
  std::vector<std::string> models;
  std::vector<std::string> suites;
  std::vector<std::vector<std::optional<Score>>> scores;  // [model][suite]

  bool empty() const { return models.empty(); }
};

/// Reads FOLDER/evaluation_results.json, {"model": {"suite": score}}, and
/// FOLDER/evaluation_details.json, {"model": {"suite": {"low", "high", "num_problems",
/// "num_samples"}}}. Of missing or damaged files the result holds the readable part; `note` then
/// describes the rest.
Evaluation read_evaluation(const std::string& folder, std::string& note);

/// Renders the table as plain text for a terminal: "62.4 % [58.1, 66.5]"; empty without results.
std::string render_table(const Evaluation& evaluation);

}  // namespace r1::metrics
