#include "algorithms/options.h"

#include "base/ranges.h"

namespace r1::algorithms {

void AdvantageOptions::visit(base::OptionVisitor& v) {
  v.choice("kind", kind, {"gae", "grpo", "dr_grpo", "rloo", "batch_std", "reinforce_plus_plus"},
           "gae: value head (guide, PPO); of a group: grpo (reward - mean) / std, dr_grpo without "
           "std, rloo leave-one-out, batch_std over the batch's std; reinforce_plus_plus: each "
           "token's return with its KL penalties, mean 0 and variance 1 over the step's tokens "
           "(REINFORCE++, arXiv 2501.03262)");
  v("gamma", gamma, "gae, reinforce_plus_plus: discount per token (guide: 1)");
  v("lambda", lambda, "gae: trace decay (guide: 0.95; R1 v2, A.3: 1.0 does better on MATH)");
  v("whiten", whiten, "gae: mean 0, variance 1 over the global batch");
  v("ddof", ddof, "grpo, batch_std: delta degrees of freedom of the std (TRL, verl: 1)");
  v("epsilon", epsilon, "grpo, batch_std: added to the std (verl: 1e-6; TRL: 1e-4)");
}

void AdvantageOptions::check(const std::string& key, base::Problems& problems) const {
  problems.require(gamma > 0.0 && gamma <= 1.0, key + ".gamma", "expected in (0, 1]");
  problems.require(lambda >= 0.0 && lambda <= 1.0, key + ".lambda", "expected in [0, 1]");
  problems.require(ddof == 0 || ddof == 1, key + ".ddof", "expected 0 or 1");
  base::require_above(problems, key + ".epsilon", epsilon, 0);
}

void KlOptions::visit(base::OptionVisitor& v) {
  v.choice("place", place, {"reward", "loss", "none"},
           "reward: per-token penalty (guide, PPO); loss: a term of it (GRPO papers); none");
  v.choice("estimator", estimator, {"k1", "k2", "k3"},
           "of KL(policy, reference) per token: d, d^2/2, e^-d + d - 1 with d = log p - log p_ref");
  v("coefficient", coefficient, "weight (guide: RL 1 0.1, RL 2 0.05; R1: 0.001)");
  v.choice("controller", controller, {"fixed", "adaptive"},
           "adaptive: the weight moves towards `target` (TRL 0.7: start 0.2)");
  v("target", target, "adaptive: KL wanted, summed over a sequence (TRL 0.7: 6)");
  v("horizon", horizon, "adaptive: samples over which the weight adapts (TRL 0.7: 10000)");
}

void KlOptions::check(const std::string& key, base::Problems& problems) const {
  base::require_at_least(problems, key + ".coefficient", coefficient, 0);
  problems.require(
      !(in_loss() && estimator == "k1" && coefficient > 0.0), key + ".estimator",
      "k1 in the loss has zero expected gradient on samples of the policy itself (the mean of grad "
      "log p is 0): it would add noise and no pull to the reference; expected k3 or k2, or place = "
      "\"reward\"");
  problems.require(controller == "fixed" || in_reward(), key + ".controller",
                   "adaptive needs place = \"reward\"");
  base::require_above(problems, key + ".target", target, 0);
  base::require_above(problems, key + ".horizon", horizon, 0);
}

void RolloutCorrectionOptions::visit(base::OptionVisitor& v) {
  v.choice("rollout_is", rollout_is, {"none", "token", "sequence"},
           "each token's policy term times min(p_trainer / p_generator, rollout_is_threshold), of "
           "the token or of its whole sequence (truncated importance sampling, TIS: Yao et al. "
           "2025; arXiv 1802.01561 truncates alike)");
  v("rollout_is_threshold", rollout_is_threshold, "largest weight of rollout_is (verl: 2)");
  v.choice("rollout_rs", rollout_rs, {"none", "token", "sequence", "geometric"},
           "terms whose p_trainer / p_generator is out of bounds are left out: of tokens (IcePop, "
           "arXiv 2510.18855: bounds 0.5 and 5), of whole sequences (masked importance sampling), "
           "of sequences by the geometric mean of their tokens");
  v("rollout_rs_threshold", rollout_rs_threshold, "upper bound of rollout_rs");
  v("rollout_rs_threshold_lower", rollout_rs_threshold_lower,
    "lower bound of rollout_rs; 0: 1 / rollout_rs_threshold");
}

void RolloutCorrectionOptions::check(const std::string& key, base::Problems& problems) const {
  base::require_above(problems, key + ".rollout_is_threshold", rollout_is_threshold, 0);
  base::require_above(problems, key + ".rollout_rs_threshold", rollout_rs_threshold, 0);
  problems.require(
      rollout_rs_threshold_lower >= 0.0 && lower() <= rollout_rs_threshold,
      key + ".rollout_rs_threshold_lower",
      rollout_rs_threshold_lower == 0.0
          ? "1 / rollout_rs_threshold is above rollout_rs_threshold: expected a lower bound > 0"
          : "expected at most rollout_rs_threshold, or 0 for 1 / rollout_rs_threshold");
}

void PolicyLossOptions::visit(base::OptionVisitor& v) {
  v.choice("loss_mode", loss_mode, {"vanilla", "cispo"},
           "vanilla: -min(r A, clip(r) A), a clipped token has no gradient (PPO, GRPO); cispo: "
           "-clip(r) A log p with a constant clip(r), so that every token has one (CISPO, arXiv "
           "2506.13585)");
  v.choice("importance_sampling_level", importance_sampling_level, {"token", "sequence"},
           "ratio r of each token, or of its sequence: the geometric mean over the tokens (GSPO, "
           "arXiv 2507.18071, which has clip_low 3e-4, clip_high 4e-4)");
  v("clip_low", clip_low,
    "ratio is clipped to [1 - this, ... (guide: 0.2; R1's RL 1: 10; CISPO: no bound, so 1)");
  v("clip_high", clip_high, "... 1 + this] (guide: 0.2; DAPO: 0.28; R1's RL 1: 10)");
  v("dual_clip", dual_clip,
    "with a negative advantage A the loss is at most -A times this; 0: off (usual: 3)");
  v.choice("aggregation", aggregation,
           {"token_mean", "sequence_mean", "constant", "sequence_mean_token_sum"},
           "mean over the step's tokens (guide, DAPO); over sequences of their token means (R1); "
           "over sequences x constant_length (Dr.GRPO); over sequences of their token sums");
  v("constant_length", constant_length, "constant: tokens (Dr.GRPO: the longest completion)");
  v("entropy_coef", entropy_coef, "entropy bonus, subtracted from the loss (guide: 0.01)");
  v.section("rollout_correction", rollout_correction,
            "importance weights between generator and trainer, whose log-probabilities of the same "
            "tokens differ by rounding, quantisation or age");
}

void PolicyLossOptions::check(const std::string& key, base::Problems& problems) const {
  base::require_above(problems, key + ".clip_low", clip_low, 0);
  base::require_above(problems, key + ".clip_high", clip_high, 0);
  problems.require(dual_clip == 0.0 || dual_clip > 1.0, key + ".dual_clip",
                   "expected > 1, or 0 for none");
  problems.require(dual_clip == 0.0 || loss_mode == "vanilla", key + ".dual_clip",
                   "loss_mode = \"cispo\" has no surrogate to bound: expected 0");
  problems.require(aggregation != "constant" || constant_length > 0.0, key + ".constant_length",
                   "aggregation = \"constant\" needs it > 0");
  base::require_at_least(problems, key + ".entropy_coef", entropy_coef, 0);
  rollout_correction.check(key + ".rollout_correction", problems);
}

void ValueLossOptions::visit(base::OptionVisitor& v) {
  v("clip", clip, "new values are clipped to old values +- this; 0: no clipping (guide: 0.2)");
  v("coefficient", coefficient, "weight of 0.5 x mean max(clipped, unclipped) (guide: 0.5)");
}

void ValueLossOptions::check(const std::string& key, base::Problems& problems) const {
  base::require_at_least(problems, key + ".clip", clip, 0, " (0: no clipping)");
  base::require_at_least(problems, key + ".coefficient", coefficient, 0);
}

void PreferenceLossOptions::visit(base::OptionVisitor& v) {
  v("beta", beta,
    "dpo: reward of an answer = this x (log p - log p_ref) (DPO, arXiv 2305.18290, and TRL: 0.1)");
  v("label_smoothing", label_smoothing,
    "share of the pairs whose order is taken to be wrong (conservative DPO: Mitchell 2023; TRL: "
    "0)");
  v("center_rewards_coefficient", center_rewards_coefficient,
    "reward_model: weight of (sum of a pair's scores)^2, which keeps scores around 0 (arXiv "
    "2312.09244: 0.01; TRL: none)");
}

void PreferenceLossOptions::check(const std::string& key, base::Problems& problems) const {
  base::require_above(problems, key + ".beta", beta, 0);
  problems.require(label_smoothing >= 0.0 && label_smoothing < 0.5, key + ".label_smoothing",
                   "expected in [0, 0.5)");
  base::require_at_least(problems, key + ".center_rewards_coefficient", center_rewards_coefficient,
                         0);
}

void DistillationLossOptions::visit(base::OptionVisitor& v) {
  v("temperature", temperature, "of both softmaxes in the soft term (guide: 3)");
  v("soft_weight", soft_weight, "weight of T^2 KL (guide: 0.7; 0: text distillation)");
  v("hard_weight", hard_weight, "weight of the cross entropy (guide: 0.3)");
  v.choice("divergence", divergence, {"forward", "reverse"},
           "forward: KL(teacher, student) (guide); reverse: KL(student, teacher)");
  v.choice("soft_reduction", soft_reduction, {"token", "batch"},
           "token: mean over tokens; batch: the guide's batchmean, sum over tokens / sequences");
  v("top_k", top_k, "teacher log-probabilities of this many ids a token; 0: all, exact");
  v.choice("top_k_rest", top_k_rest, {"tail", "renormalised"},
           "tail: what top_k leaves over is one more outcome; renormalised: it is left out");
}

void DistillationLossOptions::check(const std::string& key, base::Problems& problems) const {
  base::require_above(problems, key + ".temperature", temperature, 0);
  base::require_at_least(problems, key + ".soft_weight", soft_weight, 0);
  base::require_at_least(problems, key + ".hard_weight", hard_weight, 0);
  problems.require(soft_weight + hard_weight > 0.0, key + ".soft_weight",
                   "soft_weight and hard_weight are both 0: there is nothing to learn from");
  base::require_at_least(problems, key + ".top_k", top_k, 0, " (0: all)");
  problems.require(top_k == 0 || divergence == "forward", key + ".divergence",
                   "a top-k teacher allows forward only");
}

}  // namespace r1::algorithms
