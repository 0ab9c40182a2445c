#include "config/rl_options.h"

#include <fmt/format.h>

#include <cmath>

#include "base/ranges.h"

namespace r1::config {

void ColdstartOptions::visit(base::OptionVisitor& v) {
  v("path", path, "JSONL of cold-start records; empty: none");
  v("fraction", fraction, "cold-start samples per step = round(this x RL samples) (guide: 0.1)");
  v("sft_coef", sft_coef, "weight of their SFT loss, which has its own denominator");
}

void ColdstartOptions::check(const std::string& key, base::Problems& problems) const {
  problems.require(fraction >= 0.0 && fraction <= 1.0, key + ".fraction", "expected in [0, 1]");
  base::require_at_least(problems, key + ".sft_coef", sft_coef, 0);
  problems.require(fraction == 0.0 || !path.empty(), key + ".path",
                   "fraction > 0 needs a file of cold-start records");
}

void RlChangeOptions::visit(base::OptionVisitor& v) {
  v("from_step", from_step, "first step (counted from 0) of the change");
  v("max_new_tokens", max_new_tokens, "new sampling.max_new_tokens; 0: unchanged");
  v("parts", parts,
    "names of the [[rewards.parts]] that count; empty: unchanged (R1's RL 2: those that a model "
    "scores only in the last 400 of 1,700 steps)");
  v("files", files,
    "new data.files, from which the prompts come; empty: unchanged. Held-out problems stay");
}

void RlChangeOptions::check(const std::string& key, base::Problems& problems) const {
  base::require_at_least(problems, key + ".from_step", from_step, 0);
  base::require_at_least(problems, key + ".max_new_tokens", max_new_tokens, 0);
}

std::int64_t RlOptions::coldstart_samples() const {
  return std::llround(coldstart.fraction * static_cast<double>(samples_per_step()));
}

StepSettings RlOptions::settings_at(std::int64_t step, std::int64_t max_new_tokens) const {
  StepSettings settings{max_new_tokens, {}};
  for (const auto& change : changes) {
    if (change.from_step > step) continue;
    if (change.max_new_tokens > 0) settings.max_new_tokens = change.max_new_tokens;
    if (!change.parts.empty()) settings.parts = change.parts;
  }
  return settings;
}

void RlOptions::visit(base::OptionVisitor& v) {
  v("steps", steps, "rollouts, each with its updates (the guide's episodes: 100000)");
  v("prompts_per_step", prompts_per_step, "prompts of a step, over all ranks (guide: 64; R1: 512)");
  v("samples_per_prompt", samples_per_prompt, "completions of a prompt (guide: 1; R1: 16)");
  v("mini_batch", mini_batch, "samples of one optimizer step; 0: all of the step (guide: 8)");
  v("update_epochs", update_epochs, "times a rollout is trained on (guide: 4; R1: 1)");
  v("chunks", chunks, "parts in which a rollout is handed on, so that scoring overlaps sampling");
  v.choice("overlong", overlong, {"mask", "penalty", "keep"},
           "truncated completions: out of the loss, punished, or as any other");
  v("overlong_penalty", overlong_penalty, "penalty: subtracted from the reward");
  v("resample_zero_advantage", resample_zero_advantage,
    "groups of equal rewards are replaced by new prompts (DAPO's dynamic sampling)");
  v("max_resample_rounds", max_resample_rounds, "rounds of replacing in a step at most");
  v("staleness", staleness,
    "0: a step trains on samples of its own weights; 1: on samples of the weights before the last "
    "update, taken while that update ran (roles.generate_ranks); more: the bound of "
    "partial_rollouts, steps");
  v("partial_rollouts", partial_rollouts,
    "a step goes on when enough groups are finished, and unfinished samples are continued in later "
    "steps with newer weights, at most staleness steps after they began (Kimi k1.5, arXiv "
    "2501.12599; AReaL, arXiv 2505.24298)");
  v("reference_update_every", reference_update_every,
    "steps after which the reference becomes the policy; 0: never (R1: 400 of its steps = 25 "
    "rollouts)");
  v("max_kl", max_kl,
    "token mean of KL(old, new) above which the step's further epochs are left out; 0: no limit "
    "(guide, RL 2: 0.1)");
  v("max_ratio", max_ratio,
    "a mini-batch with a mean ratio above this is left out and counted; 0: no limit (TRL 0.7: 10)");
  v("logprob_temperature", logprob_temperature,
    "logits are divided by it in all log-probabilities of the losses; 0: sampling.temperature "
    "(guide: 1)");
  v("reward_batch", reward_batch, "completions that a reward worker takes at once (guide: 16)");
  v("eval_every", eval_every,
    "steps between evaluations on held-out problems; 0: none (guide: 500)");
  v("eval_samples", eval_samples, "completions per held-out problem");
  v("eval_greedy", eval_greedy, "held-out problems are answered greedily, one completion each");
  v("record_rollouts", record_rollouts,
    "token ids and log-probabilities of all samples go to RUN/rollouts, for replay");
  v("replay", replay,
    "run folder with recorded rollouts, which are trained on instead of sampling: compares "
    "layouts, "
    "dtypes and devices on the same samples");
  v.choice(
      "router_replay", router_replay, {"off", "count", "on"},
      "mixtures of experts: the trainer takes the experts that the sampler took (on; R3, arXiv "
      "2510.11370), or only counts where it does not (router_flips)");
  v.section("coldstart", coldstart, "supervised samples mixed into each step (guide, RL 2)");
  v.section_list("changes", changes, "changes from a step on, in order");
}

void RlOptions::check(const std::string& key, base::Problems& problems) const {
  base::require_above(problems, key + ".steps", steps, 0);
  base::require_above(problems, key + ".prompts_per_step", prompts_per_step, 0);
  base::require_above(problems, key + ".samples_per_prompt", samples_per_prompt, 0);
  base::require_at_least(problems, key + ".mini_batch", mini_batch, 0, " (0: all samples)");
  base::require_above(problems, key + ".update_epochs", update_epochs, 0);
  base::require_above(problems, key + ".chunks", chunks, 0);
  base::require_at_least(problems, key + ".overlong_penalty", overlong_penalty, 0);
  base::require_above(problems, key + ".max_resample_rounds", max_resample_rounds, 0);
  constexpr std::int64_t kMostStaleness = 64;
  const std::int64_t most = partial_rollouts ? kMostStaleness : 1;
  problems.require(
      staleness >= (partial_rollouts ? 1 : 0) && staleness <= most, key + ".staleness",
      partial_rollouts
          ? fmt::format("expected 1 to {} with partial_rollouts, found {}", most, staleness)
          : fmt::format("expected 0 or 1 (more: partial_rollouts), found {}", staleness));
  problems.require(!partial_rollouts || chunks == 1, key + ".chunks",
                   "with partial_rollouts a step's groups are known when the last one is finished: "
                   "expected 1");
  problems.require(staleness == 0 || !resample_zero_advantage, key + ".staleness",
                   "samples ahead cannot replace groups: resample_zero_advantage must be false");
  base::require_at_least(problems, key + ".reference_update_every", reference_update_every, 0);
  base::require_at_least(problems, key + ".max_kl", max_kl, 0, " (0: no limit)");
  base::require_at_least(problems, key + ".max_ratio", max_ratio, 0, " (0: no limit)");
  problems.require(replay.empty() || !resample_zero_advantage, key + ".replay",
                   "a replay cannot replace groups: resample_zero_advantage must be false");
  base::require_at_least(problems, key + ".logprob_temperature", logprob_temperature, 0,
                         " (0: sampling.temperature)");
  base::require_above(problems, key + ".reward_batch", reward_batch, 0);
  base::require_at_least(problems, key + ".eval_every", eval_every, 0, " (0: none)");
  base::require_above(problems, key + ".eval_samples", eval_samples, 0);
  problems.require(!eval_greedy || eval_samples == 1, key + ".eval_samples",
                   "greedy completions are all equal: expected 1, or eval_greedy = false");
  coldstart.check(key + ".coldstart", problems);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const std::string item = fmt::format("{}.changes[{}]", key, i);
    changes[i].check(item, problems);
    problems.require(i == 0 || changes[i].from_step > changes[i - 1].from_step, item + ".from_step",
                     "expected more than the change before it");
  }
}

}  // namespace r1::config
