#pragma once
// The models that score parts of the reward: [reward_model], [classifier], and [[rewards.models]].
#include <string>
#include <vector>

#include "config/config.h"

namespace r1::config {

/// A model that scores the part `scoring.name`.
struct Judge {
  rewards::ScoringModelOptions scoring;
  models::ModelOptions model;
  std::string key;  // of its table, for messages
};

/// The judges of the parts in `rewards`, in the order reward_model, safety, [[rewards.models]].
std::vector<Judge> judges(const Config& config, const rewards::RewardOptions& rewards);

}  // namespace r1::config
