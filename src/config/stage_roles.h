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

/// What `roles` of a stage, and its generation layout, ask for.
std::vector<parallel::RoleRequest> role_requests(const Config& config, Stage stage,
                                                 const std::vector<std::string>& roles);

}  // namespace r1::config
