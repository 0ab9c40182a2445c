// Reinforcement learning, stages 1 and 2: sample, score, update. All ranks make every call in this
// file.
#include "base/random.h"
#include "config/stage_roles.h"
#include "data/record_reader.h"
#include "data/sft.h"
#include "prompt_source.h"
#include "roles/policy.h"
#include "roles/reference.h"
#include "roles/reward.h"
#include "stages/dynamic_sampling.h"
#include "stages/stage_output.h"
#include "stages/stages.h"
#include "stages/step_sampling.h"

namespace r1::mpi {
namespace {

/// Supervised samples of a step (RL 2): the same on every rank.
class ColdstartSamples {
 public:
  ColdstartSamples(const Run& run, const PromptSource& prompts) : run_(run) {
    const auto& rl = run.config().rl;
    if (rl.coldstart_samples() == 0) return;
    run.together(
        [&] {
          const auto& options = run.config().data;
          data::read_records(rl.coldstart.path, {.bad_lines = options.max_bad_lines},
                             [&](nlohmann::json&& record, const std::string& where) {
                               samples_.push_back(data::sft_sample(
                                   data::sft_text(record, prompts.renderer(), options, where),
                                   prompts.renderer(), data::LossOn::Completion));
                             });
          if (samples_.empty())
            throw base::InputError(fmt::format("{}: no cold-start record", rl.coldstart.path));
        },
        "loading the cold-start samples");
  }
  std::vector<data::TrainingSample> batch(std::int64_t step) const {
    std::vector<data::TrainingSample> batch;
    for (std::int64_t i = 0; i < (samples_.empty() ? 0 : run_.config().rl.coldstart_samples()); ++i)
      batch.push_back(
          samples_[static_cast<std::size_t>(step * run_.config().rl.coldstart_samples() + i) %
                   samples_.size()]);
    return batch;
  }

 private:
  const Run& run_;
  std::vector<data::TrainingSample> samples_;
};

}  // namespace

base::ExitCode run_rl(Environment& environment, MpiCommunicator& world, const StageSetup& setup) {
  Run run(environment, world, setup, config::stage_roles(setup.config, setup.stage));
  RunLoop loop(run);
  const PromptSource prompts(run);
  const ColdstartSamples coldstart(run, prompts);
  Policy policy(run);
  Reference reference(run, policy);
  RewardRole reward(run, run.config().rewards);
  HeldOutScore held_out(run, loop, prompts, reward);
  DynamicSampling dynamic(run, prompts);

  StepSampling sampling(run, policy, reward, reference, dynamic);
  const auto& rl = run.config().rl;
  if (rl.staleness > 0 || rl.update_epochs > 1 || rl.mini_batch_samples() < rl.samples_per_step())
    loop.copy_before_steps();
  policy.persist(loop);
  reference.persist(loop);
  dynamic.persist(loop);
  sampling.persist(loop);

  auto step = loop.begin(run.config().rl.steps);
  reward.begin_step();
  sampling.begin(step);
  held_out.before(policy, step);
  export_missed(run, policy.active() ? &policy.trainer() : nullptr, step);
  for (; loop.goes_on(step); ++step) {
    reference.update_if_due(step, policy);
    reward.begin_step();
    auto rollouts = sampling.rollouts(step);
    const auto replaced = dynamic.refill(
        rollouts, [&](std::span<const data::Prompt> batch) { return sampling.more(batch, step); });
    if (!loop.takes_so_far(step)) break;
    loop.write_samples(step, rollouts);
    if (run.config().rewards.shuffle)
      shuffle_rewards(rollouts, run.seed({base::hash_name("shuffled rewards"),
                                          static_cast<std::uint64_t>(step)}));
    sampling.start_next(step);
    metrics::StepMetrics metrics = policy.update(rollouts, coldstart.batch(step), step);
    sampling.finish_next();
    if (!loop.takes(step)) break;
    sampling.keep_open_groups();
    add_rollout_metrics(metrics, run, rollouts, sampling.seconds());
    policy.add_sampling_metrics(metrics);
    reward.add_metrics(metrics, run.config().settings_at(step));
    metrics.set("episode", static_cast<double>(step));
    metrics.set("groups_replaced", static_cast<double>(replaced));
    held_out.if_due(policy, step, metrics);
    loop.finish_step(step, std::move(metrics), "reward_mean");
    export_if_due(run, policy.active() ? &policy.trainer() : nullptr, step);
  }
  if (!loop.stopped_early())
    write_stage_output(run, policy.active() ? &policy.trainer() : nullptr,
                       held_out.summary(policy, step));
  return loop.end();
}

}  // namespace r1::mpi
