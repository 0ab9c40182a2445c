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
#include "config/stage_roles.h"
#include "metrics/aggregate.h"
#include "model_export.h"
#include "models/finite.h"
#include "optim/adamw.h"
#include "rewards/reflection.h"
#include "rewards/score_budget.h"
#include "rewards/sections.h"
#include "roles/learner.h"
#include "roles/policy.h"
#include "roles/tool_turns.h"
#include "stages/turn_metrics.h"
#include "tensor/dtype.h"

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
  const bool has_turns = ToolTurns::used(run);
  if (has_turns) declare_turn_metrics(statistics);
  const auto& tags = run.config().rewards.tags;
  double tokens = 0.0;
  for (const auto& rollout : rollouts) {
    const auto thinking = rewards::split_sections(data::whole_answer(rollout), tags).thinking;
    statistics.add_mean("thinking_length", static_cast<double>(run.text().encode(thinking).size()));
    statistics.add_mean("self_verification_share",
                        rewards::has_self_verification(thinking) ? 1.0 : 0.0);
    statistics.add_mean("reflection_share", rewards::has_reflection(thinking) ? 1.0 : 0.0);
    if (has_turns) add_turn_metrics(statistics, rollout.completion);
    const bool right = rollout.reward.reason == "ok";
    statistics.add_mean("accuracy", right ? 1.0 : 0.0);
    statistics.add_mean("reward_step_limit_share",
                        rollout.reward.reason == rewards::kStepLimit ? 1.0 : 0.0);
    statistics.add_mean(right ? "reward_right" : "reward_wrong", rollout.reward.total);
    tokens += static_cast<double>(data::num_sampled(rollout.completion));
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
  // The ranks of a replica hold the same rollouts.
  tokens = run.groups().data(kPolicy).all_reduce_scalar(tokens, parallel::ReduceOp::Sum, "tokens");
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

void HeldOutLoss::before(std::int64_t first_step) {
  before_ = remember_before(run_, first_step, [&] {
    return num_records_ == 0 ? nlohmann::json() : nlohmann::json(measure_());
  });
}

void HeldOutLoss::if_due(std::int64_t step, std::int64_t every, metrics::StepMetrics& metrics) {
  if (num_records_ == 0 || every == 0 || (step + 1) % every != 0) return;
  const auto values = measure_();
  for (const auto& [name, value] : values) metrics.set("heldout_" + name, value);
  if (const auto loss = values.find("loss"); loss != values.end())
    loop_.measured(step + 1, loss->second, false);
}

nlohmann::json HeldOutLoss::summary(std::int64_t step) {
  nlohmann::json after;
  if (num_records_ > 0) {
    const auto values = measure_();
    if (const auto loss = values.find("loss"); loss != values.end())
      loop_.measured(step, loss->second, false);
    after = values;
  }
  return {{"before", before_}, {"after", after}, {"records", num_records_}};
}

namespace {

/// The PEFT folder of the adapters that are merged into the model of the folder `path`.
std::string adapter_folder(const std::string& path) {
  return path + "-adapters";
}

/// The folder of an export until it is complete, beside its place.
std::filesystem::path partial_folder(const std::filesystem::path& target) {
  return target.parent_path() / ("." + target.filename().string() + ".partial");
}

void check_file(const std::error_code& error, const std::filesystem::path& what,
                const char* wanted) {
  if (error) base::throw_file_error(what.string(), wanted, error.value(), base::FileOf::Run);
}

void prepare_export(const Run& run, const training::Trainer* trainer, const std::string& path,
                    const std::filesystem::path& partial) {
  if (trainer != nullptr)  // weights that are no numbers are nobody's model
    for (const auto& tensor : trainer->master_tensors())
      for (const auto& local : tensor.boxes) models::require_finite(local.view, path, tensor.name);
  if (!run.writes()) return;
  run.require_folder();
  std::error_code error;
  std::filesystem::remove_all(partial, error);  // of a start that was killed here
  check_file(error, partial, "cannot remove");
  base::make_folders(partial.string());
}

void write_small_files(const Run& run, const training::Trainer& trainer,
                       const ExportOptions& options, const std::string& folder) {
  const auto& shape = trainer.model().shape();
  const auto& tokenizer = *run.text().tokenizer;
  const std::vector<std::int64_t> eos(tokenizer.eos_token_ids().begin(),
                                      tokenizer.eos_token_ids().end());
  switch (options.what) {
    case ExportOptions::What::RewardModel:
      write_reward_model_description(shape, options.dtype, tokenizer, eos, folder);
      break;
    case ExportOptions::What::LanguageModel:
      write_model_description(shape, options.dtype, &tokenizer, eos, folder);
      break;
    case ExportOptions::What::Adapters:
      write_adapter_description(run.config().model, folder);
      return;  // one file has no index
  }
  write_export_index(shape, folder, options);
}

/// The index and the small files come last, then the name.
void complete_export(const Run& run, const training::Trainer& trainer, const ExportOptions& options,
                     const std::filesystem::path& partial, const std::filesystem::path& target) {
  write_small_files(run, trainer, options, partial.string());
  std::error_code error;
  std::filesystem::remove_all(target, error);
  check_file(error, target, "cannot remove");
  std::filesystem::rename(partial, target, error);
  check_file(error, target, "cannot rename");
  base::sync_folder(target.parent_path().string());
}

/// The folder appears complete or not at all; an older one is replaced. Collective over: world.
void write_folder(const Run& run, training::Trainer* trainer, const std::string& path,
                  const ExportOptions& options) {
  const auto target = std::filesystem::absolute(path).lexically_normal();
  const auto partial = partial_folder(target);
  run.together([&] { prepare_export(run, trainer, path, partial); }, "preparing an export");
  try {
    run.together(
        [&] {
          if (trainer != nullptr) export_shards(run.groups(), *trainer, partial.string(), options);
        },
        "writing the weights");
    run.together(
        [&] {
          if (run.writes()) complete_export(run, *trainer, options, partial, target);
        },
        "completing an export");
  } catch (...) {
    std::error_code ignored;
    if (run.writes()) std::filesystem::remove_all(partial, ignored);
    throw;
  }
}

/// Collective over: world.
void write_model(const Run& run, training::Trainer* trainer, const std::string& path,
                 at::ScalarType dtype) {
  ExportOptions options{dtype, run.config().checkpoint.save_hf_shard_bytes(),
                        run.config().trainer.bucket_bytes(), ExportOptions::What::LanguageModel};
  if (config::trains_reward_model(run.config(), run.kind()))
    options.what = ExportOptions::What::RewardModel;
  write_folder(run, trainer, path, options);
  if (!run.config().model.lora.used() || options.what == ExportOptions::What::RewardModel) return;
  options.what = ExportOptions::What::Adapters;
  write_folder(run, trainer, adapter_folder(path), options);
}

/// The dtype of the master weights, on all ranks.
at::ScalarType master_dtype(const Run& run) {
  return optim::master_dtype(run.dtype());
}

/// The dtype of exports during a stage.
at::ScalarType export_dtype(const Run& run) {
  const auto& name = run.config().checkpoint.save_hf_dtype;
  return name == "auto" ? master_dtype(run) : tensor::parse_dtype(name);
}

}  // namespace

void export_model(const Run& run, training::Trainer* trainer, const std::string& path) {
  write_model(run, trainer, path, export_dtype(run));
  if (run.writes()) base::log_info("{}: {}", run.stage(), path);
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
  write_model(run, trainer, run.model_folder(), master_dtype(run));
  run.together(
      [&] {
        if (!run.writes()) return;
        const nlohmann::json summary{
            {"stage", run.stage()}, {"held_out", held_out}, {"weight_change", weight_change}};
        base::write_file_atomically(run.folder() + "/summary.json", summary.dump(1));
        base::log_info("{}: weights changed by {:.3g} (relative), held-out {}", run.stage(),
                       weight_change, held_out.dump());
      },
      "writing the summary");
}

}  // namespace r1::mpi
