#include "config/judges.h"

namespace r1::config {
namespace {

models::ModelOptions files_of(const rewards::ScoringModelOptions& scoring, const Config& config) {
  models::ModelOptions model;
  if (const auto shape = config.scoring_shapes.find(scoring.name);
      shape != config.scoring_shapes.end())
    model.shape = shape->second;
  model.path = scoring.path;
  model.tokenizer = scoring.tokenizer;
  model.chat_template = scoring.chat_template;
  model.dtype = scoring.dtype;
  return model;
}

}  // namespace

std::vector<Judge> judges(const Config& config, const rewards::RewardOptions& rewards) {
  std::vector<Judge> list;
  for (const rewards::ScoringModelOptions& scoring : rewards.scoring_models()) {
    if (scoring.name == rewards::kRewardModelPart)
      list.push_back({scoring, config.reward_model, "reward_model"});
    else if (scoring.name == rewards::kSafetyPart)
      list.push_back({scoring, config.classifier, "classifier"});
    else
      list.push_back({scoring, files_of(scoring, config), "rewards.models." + scoring.name});
  }
  return list;
}

}  // namespace r1::config
