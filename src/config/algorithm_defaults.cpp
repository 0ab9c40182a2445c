#include "config/algorithm_defaults.h"

namespace r1::config {

void set_algorithm_defaults(const std::string& advantage_kind, Config& config) {
  config.advantage.kind = advantage_kind;
  if (config.advantage.needs_values()) return;
  config.rl.prompts_per_step = 32;
  config.rl.samples_per_prompt = 16;
  config.rl.mini_batch = 0;
  config.rl.update_epochs = 1;
  config.kl.place = "loss";
  config.kl.estimator = "k3";
  config.kl.coefficient = 0.001;
  config.policy_loss.entropy_coef = 0.0;
  if (config.advantage.has_token_rewards()) {
    config.rl.prompts_per_step = 512;
    config.rl.samples_per_prompt = 1;
    config.kl.place = "reward";
    config.kl.estimator = "k1";
    config.kl.coefficient = 0.01;
    config.policy_loss.aggregation = "token_mean";
    return;
  }
  config.policy_loss.aggregation = "sequence_mean";
}

}  // namespace r1::config
