#pragma once
// The memory model of plan. Internal to config/.
#include "plan/plan.h"

namespace r1::plan {

/// Fills role.memory and role.parameters; what cannot be known goes to `notes`. `policy`: the role
/// whose base may serve as the reference; null: there is none.
void add_role_memory(const Config& config, Stage stage, bool on_gpu, const RolePlan* policy,
                     RolePlan& role, std::vector<std::string>& notes);

/// The KV cache and what sampling needs besides, where the role samples. `room`: bytes that the
/// engine may fill beside what the rank always holds; on a CPU any. A cache that does not hold one
/// sequence goes to `misfits`.
void add_generation_memory(const Config& config, Stage stage, bool on_gpu, double room,
                           RolePlan& role, std::vector<std::string>& misfits);
/// MemoryItem::kind of the cache.
inline constexpr const char* kCacheItem = "KV cache";

/// What a rank holds before any model.
std::vector<MemoryItem> program_memory(const Machine& machine);

/// Bytes of a value of a dtype; "auto" counts as bf16.
double bytes_of(const std::string& dtype);

/// The models of a role: one, but for the reward, which has as many as score parts; none: rules
/// alone.
std::vector<models::ModelOptions> models_of_role(const Config& config, Stage stage,
                                                 const std::string& role);

/// Prompts of one call of the engine, and sequences that a replica decodes at once.
struct DecodeBatch {
  double prompts = 0.0;
  double sequences = 0.0;
};
DecodeBatch decode_batch(const Config& config, Stage stage, std::int64_t replicas);

/// What a stage works through. Numbers of a stage that does not sample, or not train, are 0.
struct StageWork {
  double samples = 0.0;            // of a step, over all ranks
  double samples_of_update = 0.0;  // of an optimizer step
  double chunks = 1.0;             // parts of a step that are sampled and handed on one by one
  double prompts_of_call = 0.0;    // of one call of all engines; 0: more than engines hold at once
  double samples_per_prompt = 1.0;
  double longest_completion = 0.0;  // tokens
  double mean_completion = 0.0;     // that plan assumes
  double longest_sequence = 0.0;    // that is trained on or scored
  bool repeats_prompts = false;     // samples of one prompt are trained on together
};
StageWork work_of(const Config& config, Stage stage);

/// Ranks that share the state of a parameter which `replicas` ranks hold alike.
struct StateShares {
  double gradients = 1.0;
  double optimizer = 1.0;
};
StateShares state_shares(const config::TrainerOptions& trainer, std::int64_t replicas);

/// Whether the policy computes its old log-probabilities (and values) before it is updated.
bool scores_itself(const config::Config& config);

}  // namespace r1::plan
