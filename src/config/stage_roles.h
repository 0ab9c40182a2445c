#pragma once
// Which roles a stage has, and what each asks of the layout of ranks (parallel/role_layout.h).
#include <string>
#include <vector>

#include "config/config.h"
#include "config/stage.h"
#include "parallel/role_layout.h"

namespace r1::config {

/// Whether RL needs log-probabilities of a reference model.
bool needs_reference(const Config& config);

/// Whether a stage trains a score head for a reward model instead of a language model.
bool trains_reward_model(const Config& config, Stage stage);

/// Roles of a stage, the policy first; none: the stage runs no model (prepare).
std::vector<std::string> stage_roles(const Config& config, Stage stage);

/// Whether a role lives on the policy's ranks because nothing else is said: on GPUs.
bool shares_automatically(const Config& config, const std::string& role,
                          const RoleOptions& options);

/// Whether a stage's trained policy samples in another split, on other ranks or with older weights
/// than it trains, so that its generation layout is a role of its own, kPolicyGenerate.
bool has_generation_role(const Config& config, Stage stage);

/// Whether the samples of an RL step are drawn while the step before it updates the policy, with
/// the weights before that update. With rl.partial_rollouts only ranks that do nothing else draw
/// ahead.
bool samples_ahead(const Config& config);

/// rl.partial_rollouts: a step samples along the prompts of the `along` steps after it, and a group
/// may be trained on up to `late` steps after the one whose prompt it has. The two add up to the
/// bound rl.staleness, less the step that samples are drawn ahead.
struct PartialSchedule {
  std::int64_t along = 0;
  std::int64_t late = 0;
};
PartialSchedule partial_schedule(const Config& config);

/// What `roles` of a stage, and its generation layout, ask for.
std::vector<parallel::RoleRequest> role_requests(const Config& config, Stage stage,
                                                 const std::vector<std::string>& roles);

}  // namespace r1::config
