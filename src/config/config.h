#pragma once
// The composed configuration: every module's options under the name of its TOML section.
#include <map>
#include <string>

#include "algorithms/options.h"
#include "base/errors.h"
#include "base/options.h"
#include "checkpoint/options.h"
#include "config/options.h"
#include "data/options.h"
#include "generation/options.h"
#include "metrics/options.h"
#include "models/options.h"
#include "optim/options.h"
#include "plan/options.h"
#include "rewards/options.h"
#include "rewards/tools/options.h"

namespace r1::config {

/// One stage's complete configuration. A field is the TOML section of the same name.
struct Config {
  RunOptions run;
  models::ModelOptions model;         // policy, student, or the model that generates
  models::ModelOptions reference;     // no path: a copy of the policy as the stage starts
  models::ModelOptions teacher;       // distillation
  models::ModelOptions reward_model;  // no path: rules alone
  models::ModelOptions classifier;    // toxicity, SFT 2
  RolesOptions roles;
  CommunicationOptions communication;
  TrainerOptions trainer;
  generation::SamplingOptions sampling;
  rewards::tools::RolloutOptions rollout;
  generation::EngineOptions engine;
  data::DataOptions data;
  RlOptions rl;
  algorithms::AdvantageOptions advantage;
  algorithms::KlOptions kl;
  algorithms::PolicyLossOptions policy_loss;
  algorithms::ValueLossOptions value_loss;
  rewards::RewardOptions rewards;
  SftOptions sft;
  algorithms::PreferenceLossOptions preference_loss;
  DistillOptions distill;
  algorithms::DistillationLossOptions distillation_loss;
  GenerateOptions generate;
  EvaluateOptions evaluate;
  PrepareOptions prepare;
  PipelineOptions pipeline;
  optim::OptimizerOptions optimizer;
  checkpoint::CheckpointOptions checkpoint;
  metrics::MetricsOptions metrics;
  plan::PlanOptions plan;

  /// No option: the shapes in the files of [[rewards.models]], by name, where `plan` has read them.
  std::map<std::string, models::ModelShape> scoring_shapes;

  /// Of a step of the RL stages.
  StepSettings settings_at(std::int64_t step) const {
    return rl.settings_at(step, sampling.max_new_tokens);
  }
  void visit(base::OptionVisitor& v);
};

}  // namespace r1::config
