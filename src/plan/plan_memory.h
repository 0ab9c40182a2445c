#pragma once
// The memory model of plan. Internal to config/.
#include "plan/plan.h"

namespace r1::plan {

/// Fills role.memory and role.parameters; what cannot be known goes to `notes`.
void add_role_memory(const Config& config, const std::string& command, bool on_gpu, RolePlan& role,
                     std::vector<std::string>& notes);

/// What a rank holds before any model.
std::vector<MemoryItem> program_memory(const Machine& machine);

/// Bytes of a value of a dtype; "auto" counts as bf16.
double bytes_of(const std::string& dtype);

/// The model of a role; null: rules alone.
const models::ModelOptions* model_of_role(const Config& config, const std::string& command,
                                          const std::string& role);

/// Prompts of one call of the engine, and sequences that a replica decodes at once.
struct DecodeBatch {
  double prompts = 0.0;
  double sequences = 0.0;
};
DecodeBatch decode_batch(const Config& config, const std::string& command, std::int64_t replicas);

/// Longest completion of a stage, and the mean one that plan assumes.
std::int64_t longest_completion(const Config& config, const std::string& command);
double mean_completion(const Config& config, const std::string& command);

/// Ranks that share the state of a parameter which `replicas` ranks hold alike.
struct StateShares {
  double gradients = 1.0;
  double optimizer = 1.0;
};
StateShares state_shares(const config::TrainerOptions& trainer, std::int64_t replicas);

/// Whether the policy computes its old log-probabilities (and values) before it is updated.
bool scores_itself(const config::Config& config);

}  // namespace r1::plan
