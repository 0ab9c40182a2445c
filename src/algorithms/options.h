#pragma once
// Options of advantages, KL penalty and losses. The defaults are the guide's values for RL stage 1.
#include <cstdint>
#include <string>

#include "base/errors.h"
#include "base/options.h"

namespace r1::algorithms {

/// [advantage]: how advantages are computed from rewards and values.
struct AdvantageOptions {
  std::string kind = "gae";
  double gamma = 1.0;
  double lambda = 0.95;
  bool whiten = true;
  std::int64_t ddof = 1;
  double epsilon = 1e-6;

  bool needs_values() const { return kind == "gae"; }
  /// Whether each token has a reward of its own, so that a KL penalty per token can be part of it.
  bool has_token_rewards() const { return needs_values() || kind == "reinforce_plus_plus"; }
  /// Whether a sample is compared with the other samples of its prompt.
  bool compares_groups() const { return !has_token_rewards() && kind != "batch_std"; }
  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [kl]: the KL penalty against the reference model.
struct KlOptions {
  std::string place = "reward";
  std::string estimator = "k1";
  double coefficient = 0.1;
  std::string controller = "fixed";
  double target = 6.0;
  double horizon = 10000.0;

  bool in_loss() const { return place == "loss"; }
  bool in_reward() const { return place == "reward"; }
  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [policy_loss.rollout_correction]: importance weights between the generator that sampled and the
/// trainer's old policy (rollout_correction.h).
struct RolloutCorrectionOptions {
  std::string rollout_is = "none";
  double rollout_is_threshold = 2.0;
  std::string rollout_rs = "none";
  double rollout_rs_threshold = 2.0;
  double rollout_rs_threshold_lower = 0.0;

  bool used() const { return rollout_is != "none" || rollout_rs != "none"; }
  /// The smallest ratio that rejection keeps.
  double lower() const {
    return rollout_rs_threshold_lower > 0.0 ? rollout_rs_threshold_lower
                                            : 1.0 / rollout_rs_threshold;
  }
  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [policy_loss]: the loss of PPO, GRPO and their kin.
struct PolicyLossOptions {
  std::string loss_mode = "vanilla";
  std::string importance_sampling_level = "token";
  double clip_low = 0.2;
  double clip_high = 0.2;
  double dual_clip = 0.0;
  std::string aggregation = "token_mean";
  double constant_length = 0.0;
  double entropy_coef = 0.01;
  RolloutCorrectionOptions rollout_correction;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [value_loss]: the loss of PPO's value head.
struct ValueLossOptions {
  double clip = 0.2;
  double coefficient = 0.5;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [preference_loss]: the loss of DPO and of reward models (sft.objective).
struct PreferenceLossOptions {
  double beta = 0.1;
  double label_smoothing = 0.0;
  double center_rewards_coefficient = 0.0;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [distillation_loss]: the soft term (teacher) and the hard term (target tokens).
struct DistillationLossOptions {
  double temperature = 3.0;
  double soft_weight = 0.7;
  double hard_weight = 0.3;
  std::string divergence = "forward";
  std::string soft_reduction = "token";
  std::int64_t top_k = 0;
  std::string top_k_rest = "tail";

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

}  // namespace r1::algorithms
