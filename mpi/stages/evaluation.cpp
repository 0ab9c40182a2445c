#include "stages/evaluation.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include "base/files.h"
#include "base/log.h"
#include "data/jsonl.h"
#include "data/missing_answers.h"
#include "metrics/report/evaluation.h"
#include "rewards/votes.h"
#include "stages/evaluation_tables.h"

namespace r1::mpi {
namespace {

bool is_right(const data::Rollout& answer) {
  return answer.reward.total >= 1.0 - 1e-9;  // part of the credit is not right
}

nlohmann::ordered_json to_json(const metrics::BenchmarkScore& score, const std::string& benchmark,
                               std::int64_t num_dropped) {
  nlohmann::ordered_json pass_at;
  for (const auto& [k, value] : score.pass_at) pass_at[std::to_string(k)] = value;
  nlohmann::ordered_json out{{"benchmark", benchmark},
                             {"score", nullptr},  // where nothing was scored
                             {"low", score.interval.low},
                             {"high", score.interval.high},
                             {"pass_at", pass_at},
                             {"truncated_share", score.truncated_share},
                             {"mean_tokens", score.mean_tokens},
                             {"num_problems", score.num_problems},
                             {"num_samples", score.num_samples},
                             {"num_dropped", num_dropped}};
  if (score.num_problems > 0) out["score"] = score.pass_at_1;
  if (score.num_samples > score.num_problems) out["majority"] = score.majority;
  return out;
}

}  // namespace

std::vector<metrics::QuestionResult> question_results(std::span<const data::Rollout> answers,
                                                      const rewards::TagOptions& tags,
                                                      std::int64_t& num_dropped) {
  std::map<std::int64_t, std::vector<const data::Rollout*>> questions;
  num_dropped = 0;
  for (const auto& answer : answers) {
    if (answer.reward.drop)
      ++num_dropped;
    else
      questions[answer.group].push_back(&answer);
  }
  std::vector<metrics::QuestionResult> results;
  for (const auto& [group, samples] : questions) {
    auto& result = results.emplace_back();
    std::vector<std::string> votes;
    for (const auto* sample : samples) {
      result.samples.push_back({is_right(*sample),
                                sample->completion.finish_reason == data::FinishReason::Length,
                                data::num_sampled(sample->completion)});
      votes.push_back(rewards::vote_of(data::whole_answer(*sample), sample->prompt.answer, tags));
    }
    const auto elected = samples.size() > 1 ? rewards::majority_sample(votes) : 0;
    result.majority_right = elected >= 0 && is_right(*samples[static_cast<std::size_t>(elected)]);
  }
  return results;
}

nlohmann::ordered_json refusal_counts(std::span<const data::Rollout> answers) {
  nlohmann::ordered_json counts;
  for (const auto& answer : answers) {
    const auto& parts = answer.reward.parts;
    const auto refused = parts.find("refusal.refused");
    const auto complied = parts.find("refusal.complied");
    const auto should = parts.find("refusal.should_refuse");
    if (refused == parts.end() || complied == parts.end() || should == parts.end()) continue;
    auto& row = counts[should->second > 0.5 ? "unsafe" : "safe"];
    const char* what = refused->second > 0.5    ? "refused"
                       : complied->second > 0.5 ? "complied"
                                                : "neither";
    const auto before = row.is_null() ? 0 : row.value(what, 0);
    row[what] = before + 1;
  }
  return counts;
}

nlohmann::ordered_json instruction_shares(std::span<const data::Rollout> answers) {
  double prompts = 0.0, all = 0.0, prompt_strict = 0.0, prompt_loose = 0.0, strict = 0.0,
         loose = 0.0;
  for (const auto& answer : answers) {
    const auto& parts = answer.reward.parts;
    const auto strictly = parts.find("instructions"), loosely = parts.find("instructions.loose");
    if (answer.reward.drop || strictly == parts.end() || loosely == parts.end()) continue;
    const auto record = nlohmann::json::parse(answer.prompt.record);
    const auto number = static_cast<double>(record.at("instruction_id_list").size());
    prompts += 1.0;
    all += number;
    prompt_strict += is_right(answer) ? 1.0 : 0.0;
    prompt_loose += loosely->second >= 1.0 ? 1.0 : 0.0;
    strict += number * strictly->second;
    loose += number * loosely->second;
  }
  if (prompts == 0.0) return nullptr;
  return {{"prompt_strict", prompt_strict / prompts},
          {"prompt_loose", prompt_loose / prompts},
          {"instruction_strict", strict / all},
          {"instruction_loose", loose / all}};
}

const config::EvaluatedModelOptions& answering_model(
    const std::vector<config::EvaluatedModelOptions>& models,
    const config::EvaluatedModelOptions& model) {
  return *std::find_if(models.begin(), models.end(), [&](const auto& other) {
    return other.path == model.path && other.prompt_template == model.prompt_template;
  });
}

EvaluationResults::EvaluationResults(const Run& run)
    : run_(run), progress_file_(run.folder() + "/evaluation_progress.json") {
  auto done = at::zeros({1}, at::kLong);
  run.together(
      [&] {
        if (!run.writes() || !std::filesystem::exists(progress_file_)) return;
        const auto json =
            nlohmann::ordered_json::parse(base::read_file(progress_file_), nullptr, false);
        if (!json.is_object() || !json.contains("done") || !json.contains("details"))
          throw base::InputError(fmt::format(
              "{}: expected an object with done and details; delete the file to evaluate again",
              progress_file_));
        done[0] = json.at("done").get<std::int64_t>();
        details_ = json.at("details");
      },
      "evaluation progress");
  run.world().broadcast(done, 0, "evaluations done").wait();
  num_done_ = done.item<std::int64_t>();
}

metrics::StepMetrics EvaluationResults::add(const std::string& model,
                                            const config::SuiteOptions& suite,
                                            std::span<const data::Rollout> answers,
                                            std::int64_t step) {
  metrics::StepMetrics metrics;
  if (!run_.writes()) return metrics;
  run_.require_folder();
  std::int64_t num_dropped = 0;
  const auto score =
      metrics::score_benchmark(question_results(answers, run_.config().rewards.tags, num_dropped));
  const auto benchmark = suite.benchmark.empty() ? suite.name : suite.benchmark;
  details_[model][suite.name] = to_json(score, benchmark, num_dropped);
  if (score.num_problems == 0 && !answers.empty())
    base::log_warning(
        "evaluate.suites.{}: no answer of {} could be scored ({}): the suite has no score; the "
        "first question's record has the fields {}",
        suite.name, model, answers[0].reward.reason, data::list_fields(answers[0].prompt.record));
  if (auto counts = refusal_counts(answers); !counts.is_null())
    details_[model][suite.name]["behaviour"] = std::move(counts);
  if (auto shares = instruction_shares(answers); !shares.is_null())
    details_[model][suite.name]["instructions"] = std::move(shares);
  if (run_.config().evaluate.save_completions) {
    data::JsonlWriter writer(run_.folder() + "/completions_" + std::to_string(step) + ".jsonl");
    if (writer.lines_before() == 0)
      for (const auto& answer : answers)
        writer.write({{"model", model},
                      {"suite", suite.name},
                      {"problem", answer.prompt.problem},
                      {"answer", answer.prompt.answer},
                      {"completion", data::whole_answer(answer)},
                      {"score", answer.reward.total},
                      {"reason", answer.reward.reason}});
  }
  base::write_file_atomically(
      progress_file_, nlohmann::ordered_json{{"done", step + 1}, {"details", details_}}.dump());
  metrics.set("model", model);
  metrics.set("suite", suite.name);
  if (score.num_problems > 0) metrics.set("pass_at_1", score.pass_at_1);
  metrics.set("truncated_share", score.truncated_share);
  metrics.set("completion_length", score.mean_tokens);
  return metrics;
}

void EvaluationResults::finish(const std::vector<config::EvaluatedModelOptions>& models) {
  if (!run_.writes()) return;
  nlohmann::ordered_json all;
  for (const auto& model : models)
    all[model.name] = details_.at(answering_model(models, model).name);
  const auto details = with_benchmarks(all, models);
  nlohmann::ordered_json results;
  for (const auto& [model, entries] : details.items())
    for (const auto& [suite, entry] : entries.items())
      if (entry.at("benchmark") == suite) results[model][suite] = entry.at("score");
  std::filesystem::path output = run_.config().evaluate.output;
  if (output.is_relative() && output.parent_path().empty())
    output = std::filesystem::path(run_.folder()) / output;
  base::write_file_atomically(output, results.dump(1));
  base::write_file_atomically(output.parent_path() / "evaluation_details.json", details.dump(1));
  std::string note;
  const auto tables = metrics::render_table(metrics::read_evaluation(output.parent_path(), note)) +
                      suite_table(details) + teacher_table(details) + refusal_table(details) +
                      instruction_table(details);
  std::fputs(tables.c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace r1::mpi
