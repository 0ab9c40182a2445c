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

/// [policy_loss]: the loss of PPO and GRPO.
struct PolicyLossOptions {
  double clip_low = 0.2;
  double clip_high = 0.2;
  double dual_clip = 0.0;
  std::string aggregation = "token_mean";
  double constant_length = 0.0;
  double entropy_coef = 0.01;

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
