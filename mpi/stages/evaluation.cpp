#include "stages/evaluation.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>

#include "base/files.h"
#include "data/jsonl.h"
#include "metrics/report/evaluation.h"

namespace r1::mpi {
namespace {

constexpr double kNormal95 = 1.959963984540054;

nlohmann::ordered_json to_json(const SuiteScore& score, const std::string& benchmark) {
  return {{"benchmark", benchmark},
          {"score", score.pass_at_1},
          {"low", score.low},
          {"high", score.high},
          {"majority", score.majority},
          {"truncated_share", score.truncated_share},
          {"mean_tokens", score.mean_tokens},
          {"num_problems", score.num_problems},
          {"num_samples", score.num_samples}};
}

}  // namespace

rewards::RewardOptions scorer_options(const rewards::RewardOptions& rewards,
                                      const std::string& scorer) {
  auto options = rewards;
  options.parts = {{scorer == "maths" ? "correctness" : scorer, 1.0, ""}};
  options.groups.clear();
  options.quality_cap_when_wrong = 1.0;
  return options;
}

SuiteScore score_suite(std::span<const data::Rollout> answers) {
  SuiteScore score;
  std::map<std::int64_t, std::vector<const data::Rollout*>> questions;
  for (const auto& answer : answers) {
    questions[answer.group].push_back(&answer);
    score.truncated_share +=
        answer.completion.finish_reason == data::FinishReason::Length ? 1.0 : 0.0;
    score.mean_tokens += static_cast<double>(answer.completion.token_ids.size());
  }
  score.num_problems = static_cast<std::int64_t>(questions.size());
  score.num_samples = static_cast<std::int64_t>(answers.size());
  if (answers.empty()) return score;
  score.truncated_share /= static_cast<double>(answers.size());
  score.mean_tokens /= static_cast<double>(answers.size());
  double sum = 0.0, squares = 0.0;
  for (const auto& [group, samples] : questions) {
    double mean = 0.0;
    std::map<std::string, std::pair<int, double>> votes;  // answer -> count, its score
    for (const auto* sample : samples) {
      mean += sample->reward.total / static_cast<double>(samples.size());
      auto& vote = votes[sample->completion.text];
      ++vote.first;
      vote.second = sample->reward.total;
    }
    const auto most = std::max_element(
        votes.begin(), votes.end(),
        [](const auto& a, const auto& b) { return a.second.first < b.second.first; });
    score.majority += most->second.second / static_cast<double>(questions.size());
    sum += mean;
    squares += mean * mean;
  }
  const double n = static_cast<double>(questions.size());
  score.pass_at_1 = sum / n;
  if (score.num_samples > score.num_problems && n > 1) {
    const double error =
        kNormal95 *
        std::sqrt(std::max(0.0, squares / n - score.pass_at_1 * score.pass_at_1) / (n - 1.0));
    score.low = std::max(0.0, score.pass_at_1 - error);
    score.high = std::min(1.0, score.pass_at_1 + error);
  } else {
    const double z2 = kNormal95 * kNormal95, p = score.pass_at_1;
    const double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
    const double half =
        kNormal95 / (1 + z2 / n) * std::sqrt(std::max(0.0, p * (1 - p)) / n + z2 / (4 * n * n));
    score.low = std::max(0.0, centre - half);
    score.high = std::min(1.0, centre + half);
  }
  return score;
}

nlohmann::ordered_json merge_suites(const nlohmann::ordered_json& suites) {
  nlohmann::ordered_json merged{
      {"score", 0.0},           {"low", 0.0},        {"high", 0.0}, {"majority", 0.0},
      {"truncated_share", 0.0}, {"mean_tokens", 0.0}};
  double questions = 0.0, below = 0.0, above = 0.0;
  std::int64_t num_samples = 0;
  for (const auto& [name, suite] : suites.items()) {
    const double n = suite.at("num_problems").get<double>();
    questions += n;
    num_samples += suite.at("num_samples").get<std::int64_t>();
  }
  for (const auto& [name, suite] : suites.items()) {
    const auto value = [&suite = suite](const char* key) { return suite.at(key).get<double>(); };
    const double weight = value("num_problems") / std::max(1.0, questions);
    for (const char* key : {"score", "majority", "truncated_share", "mean_tokens"})
      merged[key] = merged[key].get<double>() + weight * value(key);
    below += std::pow(weight * (value("score") - value("low")), 2);
    above += std::pow(weight * (value("high") - value("score")), 2);
  }
  const double score = merged["score"].get<double>();
  merged["low"] = std::max(0.0, score - std::sqrt(below));
  merged["high"] = std::min(1.0, score + std::sqrt(above));
  merged["num_problems"] = static_cast<std::int64_t>(questions);
  merged["num_samples"] = std::llround(static_cast<double>(num_samples) / std::max(1.0, questions));
  merged["suites"] = suites;
  return merged;
}

EvaluationResults::EvaluationResults(Run& run)
    : run_(run), progress_file_(run.folder() + "/evaluation_progress.json") {
  auto done = at::zeros({1}, at::kLong);
  run.together(
      [&] {
        if (!run.writes() || !std::filesystem::exists(progress_file_)) return;
        const auto json = nlohmann::ordered_json::parse(base::read_file(progress_file_));
        done[0] = json.at("done").get<std::int64_t>();
        details_ = json.at("details");
      },
      "evaluation progress");
  run.world().broadcast(done, 0, "evaluations done").wait();
  num_done_ = done.item<std::int64_t>();
}

metrics::Row EvaluationResults::add(const std::string& model, const config::SuiteOptions& suite,
                                    std::span<const data::Rollout> answers, std::int64_t step) {
  metrics::Row row;
  if (!run_.writes()) return row;
  const auto score = score_suite(answers);
  const auto benchmark = suite.benchmark.empty() ? suite.name : suite.benchmark;
  details_[model][suite.name] = to_json(score, benchmark);
  if (run_.config().evaluate.save_completions) {
    data::JsonlWriter writer(run_.folder() + "/completions_" + std::to_string(step) + ".jsonl");
    if (writer.lines_before() == 0)
      for (const auto& answer : answers)
        writer.write({{"model", model},
                      {"suite", suite.name},
                      {"problem", answer.prompt.problem},
                      {"answer", answer.prompt.answer},
                      {"completion", answer.completion.text},
                      {"score", answer.reward.total},
                      {"reason", answer.reward.reason}});
  }
  base::write_file_atomically(
      progress_file_, nlohmann::ordered_json{{"done", step + 1}, {"details", details_}}.dump());
  row.set("model", model);
  row.set("suite", suite.name);
  row.set("pass_at_1", score.pass_at_1);
  row.set("truncated_share", score.truncated_share);
  row.set("completion_length", score.mean_tokens);
  return row;
}

void EvaluationResults::finish() {
  if (!run_.writes()) return;
  nlohmann::ordered_json results, details;
  for (const auto& [model, suites] : details_.items()) {
    nlohmann::ordered_json benchmarks;  // benchmark -> suite -> score
    for (const auto& [suite, score] : suites.items())
      benchmarks[score.at("benchmark").get<std::string>()][suite] = score;
    for (const auto& [benchmark, of_suites] : benchmarks.items()) {
      details[model][benchmark] = merge_suites(of_suites);
      results[model][benchmark] = details[model][benchmark].at("score");
    }
  }
  std::filesystem::path output = run_.config().evaluate.output;
  if (output.is_relative() && output.parent_path().empty())
    output = std::filesystem::path(run_.folder()) / output;
  base::write_file_atomically(output, results.dump(1));
  base::write_file_atomically(output.parent_path() / "evaluation_details.json", details.dump(1));
  std::string note;
  std::printf("%s",
              metrics::render_table(metrics::read_evaluation(output.parent_path(), note)).c_str());
  std::fflush(stdout);
}

}  // namespace r1::mpi
