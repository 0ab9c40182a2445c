#include "stages/stage_output.h"

#include <ATen/ATen.h>

#include <cmath>
#include <filesystem>
#include <set>
#include <sstream>

#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "checkpoint/agree.h"
#include "checkpoint/catalog.h"
#include "metrics/aggregate.h"
#include "models/finite.h"
#include "rewards/reflection.h"
#include "rewards/score_budget.h"
#include "rewards/sections.h"
#include "roles/learner.h"
#include "roles/policy.h"

namespace r1::mpi {
namespace {

/// Adds up a rank's statistics over the policy's replicas.
void reduce(metrics::Aggregate& statistics, parallel::Communicator& comm) {
  auto sums = at::tensor(statistics.sums(), at::kDouble),
       maxima = at::tensor(statistics.maxima(), at::kDouble);
  comm.all_reduce(sums, parallel::ReduceOp::Sum, "statistics").wait();
  comm.all_reduce(maxima, parallel::ReduceOp::Max, "statistics").wait();
  const auto list = [](const at::Tensor& t) {
    return std::vector<double>(t.const_data_ptr<double>(), t.const_data_ptr<double>() + t.numel());
  };
  statistics.set_reduced(list(sums), list(maxima));
}

/// Names of reward parts that any replica has in this step. A part may count for samples of some
/// replicas alone: a name that replica 0 lacks reaches all of them over the first rank, in messages
/// whose number grows with the replicas, and only in a step that has such a name.
std::set<std::string> part_names(const std::map<std::string, metrics::Sum>& parts,
                                 parallel::Communicator& policy) {
  std::set<std::string> known;
  const auto unknown_names = [&] {
    std::string names;
    for (const auto& [name, sum] : parts)
      if (known.count(name) == 0) names += name + "\n";
    return names;
  };
  const auto share = [&](const std::string& names) {
    std::istringstream lines(
        checkpoint::broadcast_bytes(policy, names, 0, "names of reward parts"));
    for (std::string name; std::getline(lines, name);) known.insert(name);
  };
  share(unknown_names());
  const auto mine = unknown_names();
  if (policy.all_reduce_scalar(mine.empty() ? 0.0 : 1.0, parallel::ReduceOp::Max,
                               "more reward parts") == 0.0)
    return known;
  std::string all;
  for (const auto& list : checkpoint::gather_bytes(policy, mine, "names of reward parts"))
    all += list;
  share(all);
  return known;
}

/// Mean of each reward part over all replicas.
std::map<std::string, double> reward_parts(std::span<const data::Rollout> rollouts,
                                           parallel::Communicator& policy) {
  std::map<std::string, metrics::Sum> parts;
  for (const auto& rollout : rollouts)
    for (const auto& [name, value] : rollout.reward.parts) parts[name].add(value);
  metrics::Aggregate means;
  for (const auto& name : part_names(parts, policy)) {
    means.declare_mean(name);
    means.add_sum(name, parts[name]);
  }
  reduce(means, policy);
  std::map<std::string, double> values;
  for (const auto& [name, value] : means.values()) values[name] = value;
  return values;
}

/// What was measured before the first step, by this start or by an earlier one of the same run
/// folder.
nlohmann::json remember_before(const Run& run, std::int64_t first_step,
                               const std::function<nlohmann::json()>& measure) {
  const auto file = run.folder() + "/held_out_before.json";
  if (first_step == 0) {
    const auto values = measure();
    if (run.writes()) base::write_file_atomically(file, values.dump());
    return values;
  }
  return run.writes() && std::filesystem::exists(file)
             ? base::parse_json(base::read_file(file), file)
             : nlohmann::json();
}

}  // namespace

std::vector<data::Rollout> join(std::vector<RolloutChunk> chunks) {
  std::vector<data::Rollout> all;
  for (auto& chunk : chunks)
    for (auto& rollout : chunk.rollouts) all.push_back(std::move(rollout));
  return all;
}

void add_rollout_metrics(metrics::StepMetrics& metrics, const Run& run,
                         std::span<const data::Rollout> rollouts, double sampled_seconds) {
  if (!run.has_role(kPolicy)) return;
  auto& policy = run.groups().role(kPolicy);
  metrics::Aggregate statistics;
  for (const char* name : {"accuracy", "reward_right", "reward_wrong", "reward_step_limit_share"})
    statistics.declare_mean(name);
  for (const char* name : {"thinking_length", "self_verification_share", "reflection_share"})
    statistics.declare_mean(name);
  const auto& tags = run.config().rewards.tags;
  double tokens = 0.0;
  for (const auto& rollout : rollouts) {
    const auto thinking = rewards::split_sections(data::whole_answer(rollout), tags).thinking;
    statistics.add_mean("thinking_length", static_cast<double>(run.text().encode(thinking).size()));
    statistics.add_mean("self_verification_share",
                        rewards::has_self_verification(thinking) ? 1.0 : 0.0);
    statistics.add_mean("reflection_share", rewards::has_reflection(thinking) ? 1.0 : 0.0);
    const bool right = rollout.reward.reason == "ok";
    statistics.add_mean("accuracy", right ? 1.0 : 0.0);
    statistics.add_mean("reward_step_limit_share",
                        rollout.reward.reason == rewards::kStepLimit ? 1.0 : 0.0);
    statistics.add_mean(right ? "reward_right" : "reward_wrong", rollout.reward.total);
    tokens += static_cast<double>(rollout.completion.token_ids.size());
  }
  reduce(statistics, policy);
  for (const auto& [name, value] : statistics.values()) {
    if (!std::isnan(value)) metrics.set(name, value);  // no right or no wrong sample in the step
    if (name == "reward_step_limit_share" && value > 0.0 && run.writes())
      base::log_warning(
          "rewards: {:.1f} % of the step's samples score 0, because they were not scored within "
          "rewards.limits.step_seconds = {} s",
          100.0 * value, run.config().rewards.limits.step_seconds);
  }
  for (const auto& [name, mean] : reward_parts(rollouts, policy))
    metrics.set("reward/" + name, mean);
  tokens = policy.all_reduce_scalar(tokens, parallel::ReduceOp::Sum, "tokens");
  metrics.set("tokens_per_second", tokens / std::max(1e-9, sampled_seconds));
  metrics.set("generate_seconds", sampled_seconds);
}

HeldOutScore::HeldOutScore(const Run& run, RunLoop& loop, const PromptSource& prompts,
                           RewardRole& reward)
    : run_(run), loop_(loop), reward_(reward), prompts_(prompts.held_out()) {
  for (const auto& prompt : prompts_) domains_.insert(prompt.domain);
  if (domains_.size() < 2) domains_.clear();
}

/// What a summary says of it; null without held-out problems.
nlohmann::json HeldOutScore::to_json(const Score& score) const {
  if (prompts_.empty()) return nullptr;
  nlohmann::json values{{"accuracy", score.accuracy}, {"reward", score.reward}};
  for (const auto& [domain, accuracy] : score.accuracy_of) values["accuracy_of"][domain] = accuracy;
  return values;
}

HeldOutScore::Score HeldOutScore::measure(Policy& policy, std::int64_t steps_done) {
  Score score;
  if (prompts_.empty()) return score;
  const auto settings = run_.config().settings_at(std::max<std::int64_t>(0, steps_done - 1));
  auto sampling = run_.config().sampling;
  sampling.max_new_tokens = settings.max_new_tokens;
  sampling.greedy = run_.config().rl.eval_greedy;
  const auto samples = sampling.greedy ? 1 : run_.config().rl.eval_samples;
  std::vector<RolloutChunk> chunks(1);
  chunks[0].rollouts = policy.answer(
      prompts_, sampling, samples,
      run_.seed({base::hash_name("held out"), static_cast<std::uint64_t>(steps_done)}));
  reward_.begin_step();
  reward_.score(prompts_, chunks[0], settings);
  reward_.collect(chunks);
  const auto answers = policy.deliver(std::move(chunks[0].rollouts), prompts_);
  if (!policy.active()) return score;
  metrics::Aggregate statistics;
  statistics.declare_mean("accuracy");
  statistics.declare_mean("reward");
  for (const auto& domain : domains_) statistics.declare_mean("accuracy/" + domain);
  for (const auto& rollout : answers) {
    const double right = rollout.reward.reason == "ok" ? 1.0 : 0.0;
    statistics.add_mean("accuracy", right);
    statistics.add_mean("reward", rollout.reward.total);
    if (!domains_.empty()) statistics.add_mean("accuracy/" + rollout.prompt.domain, right);
  }
  reduce(statistics, run_.groups().role(kPolicy));
  for (const auto& [name, value] : statistics.values()) {
    if (name == "accuracy")
      score.accuracy = value;
    else if (name == "reward")
      score.reward = value;
    else
      score.accuracy_of[name.substr(name.find('/') + 1)] = value;
  }
  return score;
}

void HeldOutScore::before(Policy& policy, std::int64_t first_step) {
  before_ = remember_before(
      run_, first_step, [&] { return to_json(prompts_.empty() ? Score() : measure(policy, 0)); });
}

void HeldOutScore::if_due(Policy& policy, std::int64_t step, metrics::StepMetrics& metrics) {
  const auto every = run_.config().rl.eval_every;
  if (prompts_.empty() || every == 0 || (step + 1) % every != 0) return;
  const auto score = measure(policy, step + 1);
  metrics.set("heldout_accuracy", score.accuracy);
  metrics.set("heldout_reward", score.reward);
  for (const auto& [domain, accuracy] : score.accuracy_of)
    metrics.set("heldout_accuracy/" + domain, accuracy);
  loop_.measured(step + 1, score.reward, true);
}

nlohmann::json HeldOutScore::summary(Policy& policy, std::int64_t steps_done) {
  Score score;
  if (!prompts_.empty()) {
    score = measure(policy, steps_done);
    loop_.measured(steps_done, score.reward, true);
  }
  return {{"before", before_}, {"after", to_json(score)}, {"problems", prompts_.size()}};
}

void HeldOutLoss::before(Learner& learner, std::int64_t first_step) {
  before_ = remember_before(run_, first_step, [&] {
    return samples_.empty() ? nlohmann::json()
                            : nlohmann::json{{"loss", learner.evaluate(samples_)}};
  });
}

void HeldOutLoss::if_due(Learner& learner, std::int64_t step, std::int64_t every,
                         metrics::StepMetrics& metrics) {
  if (samples_.empty() || every == 0 || (step + 1) % every != 0) return;
  const double loss = learner.evaluate(samples_);
  metrics.set("heldout_loss", loss);
  loop_.measured(step + 1, loss, false);
}

nlohmann::json HeldOutLoss::summary(Learner& learner, std::int64_t step) {
  nlohmann::json after;
  if (!samples_.empty()) {
    const double loss = learner.evaluate(samples_);
    loop_.measured(step, loss, false);
    after["loss"] = loss;
  }
  return {{"before", before_}, {"after", after}, {"records", samples_.size()}};
}

namespace {

/// The trained model on the rank that writes. Its parts are gathered before anything is written: a
/// full disk must not leave other ranks in a reduction. Collective over: policy.
std::unique_ptr<models::Model> whole_model(const Run& run, training::Trainer* trainer) {
  std::unique_ptr<models::Model> model;
  run.together(
      [&] {
        if (trainer != nullptr) model = trainer->master_model(run.writes());
      },
      "gathering the model");
  return model;
}

/// The folder appears complete or not at all; an older one is replaced.
void write_whole_folder(const Run& run, const models::Model& model, const std::string& path) {
  namespace fs = std::filesystem;
  run.require_folder();
  for (const auto& parameter :
       model.parameters())  // weights that are no numbers are nobody's model
    models::require_finite(parameter.value, path, parameter.slices.front().name);
  const fs::path target = fs::absolute(path).lexically_normal(), folder = target.parent_path();
  const auto partial = folder / ("." + target.filename().string() + ".partial");
  const auto check = [&](const std::error_code& error, const fs::path& what, const char* wanted) {
    if (error) base::throw_file_error(what.string(), wanted, error.value(), base::FileOf::Run);
  };
  std::error_code error;
  fs::remove_all(partial, error);  // of a start that was killed here
  check(error, partial, "cannot remove");
  try {
    write_model_folder(model, *run.text().tokenizer, partial.string());
  } catch (...) {
    fs::remove_all(partial, error);
    throw;
  }
  fs::remove_all(target, error);
  check(error, target, "cannot remove");
  fs::rename(partial, target, error);
  check(error, target, "cannot rename");
  base::sync_folder(folder.string());
}

}  // namespace

void export_model(const Run& run, training::Trainer* trainer, const std::string& path) {
  const auto model = whole_model(run, trainer);
  run.together(
      [&] {
        if (!run.writes()) return;
        write_whole_folder(run, *model, path);
        base::log_info("{}: {}", run.stage(), path);
      },
      "exporting the model");
}

namespace {

std::string export_path(const Run& run, std::int64_t steps_done) {
  return run.folder() + "/hf/" + checkpoint::checkpoint_name(steps_done);
}

}  // namespace

void export_if_due(const Run& run, training::Trainer* trainer, std::int64_t step) {
  const auto every = run.config().checkpoint.save_hf_every;
  if (every == 0 || (step + 1) % every != 0) return;
  try {
    export_model(run, trainer, export_path(run, step + 1));
  } catch (const base::FileError& error) {  // on all ranks alike; the run's results do not need it
    if (run.writes()) base::log_warning("no export of step {}: {}", step + 1, error.what());
  }
}

void export_missed(const Run& run, training::Trainer* trainer, std::int64_t first_step) {
  if (first_step == 0) return;
  const auto path = export_path(run, first_step);
  const double missed =
      run.world().all_reduce_scalar(run.writes() && !std::filesystem::exists(path) ? 1.0 : 0.0,
                                    parallel::ReduceOp::Max, "missed export?");
  if (missed > 0.0) export_if_due(run, trainer, first_step - 1);
}

void write_stage_output(const Run& run, training::Trainer* trainer, nlohmann::json held_out) {
  double weight_change = 0.0;
  run.together(
      [&] {
        if (trainer != nullptr)
          weight_change = relative_change(*trainer, run.config().model,
                                          static_cast<std::uint64_t>(run.config().run.seed));
      },
      "comparing the weights with the first ones");
  const auto model = whole_model(run, trainer);
  run.together(
      [&] {
        if (!run.writes()) return;
        write_whole_folder(run, *model, run.model_folder());
        const nlohmann::json summary{
            {"stage", run.stage()}, {"held_out", held_out}, {"weight_change", weight_change}};
        base::write_file_atomically(run.folder() + "/summary.json", summary.dump(1));
        base::log_info("{}: weights changed by {:.3g} (relative), held-out {}", run.stage(),
                       weight_change, held_out.dump());
      },
      "writing the model");
}

}  // namespace r1::mpi
