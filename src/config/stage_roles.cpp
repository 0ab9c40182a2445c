#include "config/stage_roles.h"

#include <algorithm>
#include <map>

namespace r1::config {
namespace {

/// Ranks of a tensor axis are neighbours: they talk most.
parallel::RoleRequest request(const std::string& name, const RoleOptions& options,
                              const MeshOptions& mesh) {
  std::vector<parallel::Axis> axes{{"dp", mesh.dp > 0 ? static_cast<int>(mesh.dp) : -1}};
  if (mesh.ep > 1) axes.push_back({"ep", static_cast<int>(mesh.ep)});
  if (mesh.cp > 1) axes.push_back({"cp", static_cast<int>(mesh.cp)});
  if (mesh.tp > 1) axes.push_back({"tp", static_cast<int>(mesh.tp)});
  return {name, static_cast<int>(options.ranks), options.share_with, axes};
}

/// The policy's generation layout. `apart`: on ranks of its own.
void request_generation(const RolesOptions& options, bool apart,
                        std::vector<parallel::RoleRequest>& list) {
  list.push_back(
      request(parallel::kPolicyGenerate, options.policy, options.policy.generation_mesh()));
  list.back().ranks = apart ? static_cast<int>(options.generate_ranks) : -1;
  list.back().share_with = apart ? "" : parallel::kPolicy;
  // A role that shares with the policy works on what is sampled, so beside the sampling.
  for (auto& other : list)
    if (apart && other.share_with == parallel::kPolicy)
      other.share_with = parallel::kPolicyGenerate;
}

}  // namespace

bool needs_reference(const Config& config) {
  return config.kl.coefficient > 0.0 && (config.kl.in_loss() || config.kl.in_reward());
}

bool trains_reward_model(const Config& config, Stage stage) {
  return stage == Stage::Sft && config.sft.objective == "reward_model";
}

std::vector<std::string> stage_roles(const Config& config, Stage stage) {
  if (!traits(stage).has_policy) return {};
  std::vector<std::string> roles{parallel::kPolicy};
  const bool safety = stage == Stage::Sft && config.sft.safety.weight > 0.0;
  if (traits(stage).answers || safety) roles.push_back("reward");
  if (stage == Stage::Rl && needs_reference(config)) roles.push_back("reference");
  if (stage == Stage::Distill && config.distill.mode == "logits") roles.push_back("teacher");
  return roles;
}

bool shares_automatically(const Config& config, const std::string& role,
                          const RoleOptions& options) {
  return config.run.device == "cuda" && role != parallel::kPolicy && options.ranks == -1 &&
         options.share_with.empty();
}

bool samples_ahead(const Config& config) {
  return config.rl.staleness > 0 &&
         (!config.rl.partial_rollouts || config.roles.generate_ranks > 0);
}

PartialSchedule partial_schedule(const Config& config) {
  const auto bound = config.rl.staleness - (samples_ahead(config) ? 1 : 0);
  const auto late = bound / 2;
  return {bound - late, late};
}

bool has_generation_role(const Config& config, Stage stage) {
  const auto &train = config.roles.policy.train, generate = config.roles.policy.generation_mesh();
  const bool apart = config.roles.generate_ranks > 0 || samples_ahead(config);
  return (stage == Stage::Rl && apart) ||
         (traits(stage).trains &&
          (generate.tp != train.tp || generate.ep != train.ep || train.cp > 1));
}

std::vector<parallel::RoleRequest> role_requests(const Config& config, Stage stage,
                                                 const std::vector<std::string>& roles) {
  const RolesOptions& options = config.roles;
  const std::map<std::string, const RoleOptions*> table{{parallel::kPolicy, &options.policy},
                                                        {"reference", &options.reference},
                                                        {"reward", &options.reward},
                                                        {"teacher", &options.teacher}};
  const bool trains = traits(stage).trains;
  std::vector<parallel::RoleRequest> list;
  for (const auto& role : roles) {
    const auto& of_role = *table.at(role);
    list.push_back(
        request(role, of_role,
                trains || role != parallel::kPolicy ? of_role.train : of_role.generation_mesh()));
    if (shares_automatically(config, role, of_role)) {
      list.back().share_with = parallel::kPolicy;
      const auto& mesh = of_role.train;
      if (role == "reference" && mesh.tp == 1 && mesh.ep == 1 && mesh.cp == 1 && mesh.dp == 0)
        list.back().mesh = request(role, of_role, options.policy.train).mesh;
    }
    const auto& share = list.back().share_with;
    if (!share.empty() && std::find(roles.begin(), roles.end(), share) == roles.end())
      list.back().share_with.clear();
  }
  if (has_generation_role(config, stage))
    request_generation(options, stage == Stage::Rl && options.generate_ranks > 0, list);
  return list;
}

}  // namespace r1::config
