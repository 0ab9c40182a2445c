#include "supported.h"

#include "base/errors.h"

namespace r1::mpi {
namespace {

void check_roles(const config::RolesOptions& roles, const std::string& command,
                 base::Problems& problems) {
  const auto generate = roles.policy.generation_mesh(), train = roles.policy.train;
  problems.require(command != "rl" || (generate.tp == train.tp && generate.ep == train.ep),
                   "roles.policy.generate",
                   "another layout than the trainer's does not run yet: use tp = 0");
}

}  // namespace

void require_supported(const config::Config& config, const std::string& command) {
  base::Problems problems;
  check_roles(config.roles, command, problems);
  problems.require(config.communication.backend != "nccl", "communication.backend",
                   "nccl does not run yet: use mpi or auto");
  problems.require(!config.communication.fixed_order_reduction,
                   "communication.fixed_order_reduction", "does not run yet");
  problems.require(config.trainer.offload == "none", "trainer.offload",
                   "does not run yet: use none");
  if (command == "distill")
    problems.require(config.distillation_loss.top_k == 0, "distillation_loss.top_k",
                     "does not run yet: use 0 (exact)");
  if (problems.empty()) return;
  std::string text = "options that this version does not run:";
  for (const auto& problem : problems.list()) text += "\n" + problem.key + ": " + problem.message;
  throw base::ConfigError(text);
}

}  // namespace r1::mpi
