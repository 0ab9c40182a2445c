#include "stages/step_sampling.h"

#include <nlohmann/json.hpp>

#include "base/timer.h"
#include "stages/stage_output.h"
#include "training/training_rows.h"

namespace r1::mpi {

StepSampling::StepSampling(const Run& run, Policy& policy, RewardRole& reward, Reference& reference,
                           DynamicSampling& prompts)
    : run_(run), policy_(policy), reward_(reward), reference_(reference), prompts_(prompts) {}

/// The samples of a step.
void StepSampling::start_step(std::int64_t step) {
  if (is_partial())
    continue_groups(step);
  else
    start(prompts_.batch(step), step);
}

void StepSampling::continue_groups(std::int64_t step) {
  const base::Stopwatch watch;
  const auto settings = run_.config().settings_at(step);
  auto& groups = *policy_.open();
  groups.keep();
  while (groups.wants_batch(step)) groups.open(prompts_.batch(groups.next_batch()));
  batch_.clear();  // the ranks that sample know the prompts
  chunks_.clear();
  chunks_.push_back(policy_.continue_groups(step, settings));
  reward_.score(batch_, chunks_.back(), settings);
  reference_.score(batch_, chunks_.back());
  started_seconds_ = policy_.samples() ? watch.seconds() : 0.0;
}

/// Chunk by chunk, so that scoring overlaps sampling.
void StepSampling::start(std::vector<data::Prompt> prompts, std::int64_t step) {
  const base::Stopwatch watch;
  const auto settings = run_.config().settings_at(step);
  batch_ = std::move(prompts);
  chunks_.clear();
  for (std::int64_t c = 0; c < run_.config().rl.chunks; ++c) {
    chunks_.push_back(policy_.sample_chunk(batch_, step, settings, c));
    reward_.score(batch_, chunks_.back(), settings);
    reference_.score(batch_, chunks_.back());
  }
  started_seconds_ = policy_.samples() ? watch.seconds() : 0.0;
}

std::vector<data::Rollout> StepSampling::finish(std::int64_t step) {
  const auto waiting = run_.timeline().span("wait for scores", step);
  reward_.collect(chunks_);
  reference_.collect(chunks_);
  auto rollouts = policy_.deliver(join(std::move(chunks_)), batch_);
  training::punish_overlong(rollouts, run_.config().rl);
  return rollouts;
}

void StepSampling::begin(std::int64_t step) {
  if (!ahead() || step >= run_.config().rl.steps) return;
  if (!policy_.can_sample()) policy_.synchronise(step);
  start_step(step);
  next_ = finish(step);
  next_seconds_ = started_seconds_;
}

std::vector<data::Rollout> StepSampling::rollouts(std::int64_t step) {
  if (ahead()) {
    seconds_ = next_seconds_;
    return std::move(next_);
  }
  policy_.synchronise(step);
  start_step(step);
  seconds_ = started_seconds_;
  return finish(step);
}

std::vector<data::Rollout> StepSampling::more(std::span<const data::Prompt> prompts,
                                              std::int64_t step) {
  start({prompts.begin(), prompts.end()}, step);
  seconds_ += started_seconds_;
  return finish(step);
}

void StepSampling::start_next(std::int64_t step) {
  if (!ahead()) return;
  policy_.synchronise(step);
  sampled_step_ = step + 1;
  if (sampled_step_ >= run_.config().rl.steps) return;
  start_step(sampled_step_);
}

void StepSampling::finish_next() {
  if (!ahead() || sampled_step_ >= run_.config().rl.steps) return;
  next_ = finish(sampled_step_);
  next_seconds_ = started_seconds_;
}

void StepSampling::persist(RunLoop& loop) {
  auto* open = policy_.open();
  if (open == nullptr) return;
  open->keep();
  Persistent part{[open] { return open->tensors(); },
                  [open] {
                    return nlohmann::json{{"next_batch", open->kept_next_batch()}}.dump();
                  },
                  [](const std::string&) {}};
  part.read = [this, open](checkpoint::CheckpointReader& reader, const std::string& state) {
    open->restore(reader, nlohmann::json::parse(state).at("next_batch"),
                  [this](std::int64_t batch) { return prompts_.batch(batch); });
  };
  loop.persist("unfinished", std::move(part));
}

/// Samples that are drawn ahead are drawn again after a restart, from what was open before.
void StepSampling::keep_open_groups() {
  if (is_partial() && !ahead()) policy_.open()->keep();
}

double StepSampling::seconds() {
  return run_.world().all_reduce_scalar(seconds_, parallel::ReduceOp::Max, "seconds of sampling");
}

}  // namespace r1::mpi
