#pragma once
// Options of the RL stages. A "step" is one rollout and its updates. Batch sizes are global: they
// do not depend on ranks.
#include <cstdint>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/options.h"

namespace r1::config {

/// [rl.coldstart]: supervised samples mixed into each RL step.
struct ColdstartOptions {
  std::string path;
  double fraction = 0.0;
  double sft_coef = 0.1;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [[rl.changes]]: what changes from a step on.
struct RlChangeOptions {
  std::int64_t from_step = 0;
  std::int64_t max_new_tokens = 0;
  std::vector<std::string> parts;
  std::vector<std::string> files;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// What [[rl.changes]] may set, as it is at one step. A value that travels with the step: with
/// staleness two steps are under way at a time.
struct StepSettings {
  std::int64_t max_new_tokens = 0;  // of a completion
  std::vector<std::string> parts;   // of the reward, that count; empty: all
};

/// [rl]: both RL stages. The defaults are the guide's.
struct RlOptions {
  std::int64_t steps = 100000;
  std::int64_t prompts_per_step = 64;
  std::int64_t samples_per_prompt = 1;
  std::int64_t mini_batch = 8;
  std::int64_t update_epochs = 4;
  std::int64_t chunks = 1;
  std::string overlong = "keep";
  double overlong_penalty = 1.0;
  bool resample_zero_advantage = false;
  std::int64_t max_resample_rounds = 3;
  std::int64_t staleness = 0;
  bool partial_rollouts = false;
  std::int64_t reference_update_every = 0;
  double max_kl = 0.0;
  double max_ratio = 0.0;
  double logprob_temperature = 0.0;
  std::int64_t reward_batch = 16;
  std::int64_t eval_every = 500;
  std::int64_t eval_samples = 1;
  bool eval_greedy = true;
  bool record_rollouts = false;
  std::string replay;
  std::string router_replay = "off";
  ColdstartOptions coldstart;
  std::vector<RlChangeOptions> changes;

  std::int64_t samples_per_step() const { return prompts_per_step * samples_per_prompt; }
  /// Samples of one optimizer step (mini_batch, or all).
  std::int64_t mini_batch_samples() const {
    return mini_batch > 0 ? mini_batch : samples_per_step();
  }
  /// Whether the sampler's choices of experts are recorded, and whether the trainer takes them.
  bool records_experts() const { return router_replay != "off"; }
  bool replays_experts() const { return router_replay == "on"; }
  /// Of all log-probabilities in losses. `sampling`: sampling.temperature.
  double loss_temperature(double sampling) const {
    return logprob_temperature > 0.0 ? logprob_temperature : sampling;
  }
  /// `max_new_tokens`: [sampling]'s, which holds before all changes.
  StepSettings settings_at(std::int64_t step, std::int64_t max_new_tokens) const;
  /// Cold-start samples of a step: round(fraction x batch).
  std::int64_t coldstart_samples() const;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

}  // namespace r1::config
