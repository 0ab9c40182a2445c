#include "metrics/report/chart_catalogue.h"

#include <algorithm>
#include <array>

namespace r1::metrics {
namespace {

constexpr const char* kReward = "Reward and right answers";
constexpr const char* kParts = "Parts of the reward";
constexpr const char* kAnswers = "Shape of the answers";
constexpr const char* kTurns = "Tools and turns";
constexpr const char* kSafety = "Safety term";
constexpr const char* kDistance = "Distance between policies";
constexpr const char* kLosses = "Losses";
constexpr const char* kOptimiser = "Optimiser";
constexpr const char* kSpeed = "Speed";
constexpr const char* kOther = "Other measurements";
constexpr const char* kPartPrefix = "reward/";
constexpr int kUnlisted = 1000;

struct Known {
  const char* metric;
  const char* section;
  const char* title;
  bool percent;
};

constexpr std::array<Known, 107> kKnown{{
    {"reward_mean", kReward, "Reward, mean of the batch", false},
    {"accuracy", kReward, "Batch accuracy", true},
    {"heldout_accuracy", kReward, "Held-out accuracy", true},
    {"sampled_accuracy", kReward, "Sampled accuracy", true},
    {"heldout_loss", kReward, "Held-out loss", false},
    {"reward_std", kReward, "Reward, standard deviation", false},
    {"reward_right", kReward, "Reward of right answers", false},
    {"reward_wrong", kReward, "Reward of wrong answers", false},
    {"heldout_reward", kReward, "Held-out reward", false},
    {"preference_rewards", kParts, "Parts that models score count", false},
    {"pass_at_1", kReward, "pass@1, a step for each model and suite", true},
    {"kept", kAnswers, "Samples kept so far", false},
    {"kept_share", kAnswers, "Samples kept", true},
    {"completion_length", kAnswers, "Tokens an answer", false},
    {"completion_length_max", kAnswers, "Tokens of the longest answer", false},
    {"thinking_length", kAnswers, "Tokens of the thinking part", false},
    {"self_verification_share", kAnswers, "Samples that check a result of theirs", true},
    {"reflection_share", kAnswers, "Samples that change their course", true},
    {"truncated_share", kAnswers, "Cut off at the length limit", true},
    {"dropped_share", kAnswers, "Not scored: unreadable gold answer", true},
    {"turns", kTurns, "Turns of the model, a sample", false},
    {"turn_tokens", kTurns, "Sampled tokens, a turn", false},
    {"tool_tokens", kTurns, "Tokens of answers, a sample", false},
    {"tool_failure_share", kTurns, "Calls that failed", true},
    {"tool_seconds", kTurns, "Seconds from a call to its answer", false},
    {"safety_mean", kSafety, "Safety of the answers, mean", false},
    {"safety_term", kSafety, "Safety term of the loss", false},
    {"safety_non_latin", kSafety, "Answers the classifier cannot judge (script)", true},
    {"safety_answer_length", kSafety, "Tokens an answer", false},
    {"kl_divergence", kDistance, "KL to the reference, sequence sum", false},
    {"kl_token", kDistance, "KL to the reference, a token", false},
    {"kl_token_k3", kDistance, "KL to the reference, a token, k3 estimator", false},
    {"entropy", kDistance, "Entropy of the policy", false},
    {"entropy_first_token", kDistance, "Entropy of the policy, first token", false},
    {"entropy_last_token", kDistance, "Entropy of the policy, last token", false},
    {"kl_old_new", kDistance, "KL of old and new policy", false},
    {"kl_old_new_k3", kDistance, "KL of old and new policy, k3 estimator", false},
    {"rollout_staleness", kDistance, "Updates since the weights that drew the samples", false},
    {"stale_token_share", kDistance, "Tokens that older weights sampled", true},
    {"token_staleness", kDistance, "Updates since the weights that drew a token, mean", false},
    {"token_staleness_max", kDistance, "Updates since the weights that drew a token, largest",
     false},
    {"ratio_mean", kDistance, "Probability ratio, mean", false},
    {"ratio_max", kDistance, "Probability ratio, largest", false},
    {"clip_fraction_low", kDistance, "Clipped below", true},
    {"clip_fraction_high", kDistance, "Clipped above", true},
    {"clip_fraction_dual", kDistance, "Clipped a second time (dual clip)", true},
    {"over_ratio_tokens", kDistance, "Tokens of mini-batches left out for their ratio", false},
    {"value_clip_fraction", kDistance, "Clipped values", true},
    {"preference_accuracy", kReward, "Pairs whose chosen answer has the larger reward", true},
    {"heldout_preference_accuracy", kReward, "The same of held-out pairs", true},
    {"reward_margin", kReward, "Reward of chosen minus rejected answers", false},
    {"chosen_reward", kReward, "Reward of chosen answers", false},
    {"rejected_reward", kReward, "Reward of rejected answers", false},
    {"return_mean", kReward, "Return, mean over tokens", false},
    {"explained_variance", kLosses, "Share of the returns' variance that the value head explains",
     true},
    {"kept_mass", kDistance, "Probability inside top-p and top-k", true},
    {"generator_trainer_abs", kDistance, "Trainer and generator, mean |Δ log p|", false},
    {"generator_trainer_exp", kDistance, "Trainer and generator, mean exp |Δ log p|", false},
    {"generator_trainer_max", kDistance, "Trainer and generator, max |Δ log p|", false},
    {"generator_trainer_kl", kDistance, "KL of generator and trainer", false},
    {"generator_trainer_kl_k2", kDistance, "KL of generator and trainer, k2 estimator", false},
    {"generator_trainer_kl_k3", kDistance, "KL of generator and trainer, k3 estimator", false},
    {"effective_sample_share", kDistance, "Effective sample size, share of the tokens", true},
    {"rollout_is_mean", kDistance, "Weight of the rollout correction, mean", false},
    {"rollout_is_truncated_share", kDistance, "Weights that the correction truncated", true},
    {"rollout_rs_masked_share", kDistance, "Tokens that the correction left out", true},
    {"loss", kLosses, "Loss", false},
    {"policy_loss", kLosses, "Policy loss", false},
    {"value_loss", kLosses, "Value loss", false},
    {"lm_loss", kLosses, "Loss without the safety term", false},
    {"coldstart_loss", kLosses, "Loss of cold-start samples", false},
    {"gradient_norm", kOptimiser, "Gradient norm", false},
    {"learning_rate", kOptimiser, "Learning rate", false},
    {"zero_advantage_groups", kOptimiser, "Groups without advantage", true},
    {"groups_replaced", kOptimiser, "Groups replaced by new prompts", false},
    {"skipped_steps", kOptimiser, "Skipped steps", false},
    {"expert_load_max", kOptimiser, "Busiest expert of any layer, over the mean", false},
    {"expert_idle_share", kOptimiser, "Experts without a token", true},
    {"router_flips", kOptimiser, "Experts of the sampler that the update did not visit", true},
    {"router_drift", kOptimiser, "Experts of the sampler that the routers would not choose now",
     true},
    {"tokens_per_second", kSpeed, "Tokens a second", false},
    {"step_seconds", kSpeed, "Seconds a step", false},
    {"generate_seconds", kSpeed, "Seconds generating", false},
    {"update_seconds", kSpeed, "Seconds updating", false},
    {"wait_share", kSpeed, "Policy waits for other roles", true},
    {"wait_share_reward", kSpeed, "Reward ranks idle", true},
    {"wait_share_reference", kSpeed, "Reference ranks idle", true},
    {"wait_share_teacher", kSpeed, "Teacher ranks idle", true},
    {"wait_share_generation", kSpeed, "Ranks that only sample idle", true},
    {"generation_idle_share", kSpeed, "Sampling replicas without a sample", true},
    {"decode_steps", kSpeed, "Decode steps of the slowest replica", false},
    {"samples_moved", kSpeed, "Samples moved between replicas", false},
    {"sequences_running", kSpeed, "Sequences of a replica in a decode step", false},
    {"sequences_waiting", kSpeed, "Samples of a replica that wait in a decode step", false},
    {"unfinished_samples", kSpeed, "Samples that go on in a later step", false},
    {"sequences_preempted", kSpeed, "Sequences that gave their cache blocks back", false},
    {"kv_cache_share", kSpeed, "KV cache in use, at most", true},
    {"prefix_hit_share", kSpeed, "Prompt tokens found in the KV cache", true},
    {"weight_sync_seconds", kSpeed, "Seconds handing weights to generation", false},
    {"weight_sync_gib", kSpeed, "GiB handed to generation", false},
    {"messages_per_step", kSpeed, "Messages a step, mean of the ranks", false},
    {"messages_per_step_max", kSpeed, "Messages a step, busiest rank", false},
    {"bytes_per_step", kSpeed, "Bytes moved a step, mean of the ranks", false},
    {"bytes_per_step_max", kSpeed, "Bytes moved a step, busiest rank", false},
    {"memory_peak_gib", kSpeed, "Host memory of the fullest rank, GiB", false},
    {"device_memory_peak_gib", kSpeed, "Memory of tensors on the fullest GPU, GiB", false},
    {"device_memory_reserved_gib", kSpeed, "Memory held on the fullest GPU, GiB", false},
}};

struct Rule {
  const char* contains;
  const char* section;
};

constexpr std::array<Rule, 14> kRules{{{"loss", kLosses},
                                       {"seconds", kSpeed},
                                       {"per_second", kSpeed},
                                       {"memory", kSpeed},
                                       {"kl", kDistance},
                                       {"ratio", kDistance},
                                       {"clip", kDistance},
                                       {"logprob", kDistance},
                                       {"entropy", kDistance},
                                       {"grad", kOptimiser},
                                       {"learning_rate", kOptimiser},
                                       {"length", kAnswers},
                                       {"accuracy", kReward},
                                       {"reward", kReward}}};

std::string spaced(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

}  // namespace

const std::vector<std::string>& chart_sections() {
  static const std::vector<std::string> sections{kReward,   kParts,  kAnswers,   kTurns, kSafety,
                                                 kDistance, kLosses, kOptimiser, kSpeed, kOther};
  return sections;
}

ChartKind chart_kind(const std::string& metric) {
  for (std::size_t i = 0; i < kKnown.size(); ++i)
    if (metric == kKnown[i].metric)
      return {kKnown[i].section, kKnown[i].title, kKnown[i].percent, static_cast<int>(i)};
  const bool percent = metric.ends_with("_share") || metric.ends_with("_fraction");
  if (metric.starts_with(kPartPrefix))
    return {kParts, spaced(metric.substr(std::string(kPartPrefix).size())), percent, kUnlisted};
  for (const Rule& rule : kRules)
    if (metric.find(rule.contains) != std::string::npos)
      return {rule.section, spaced(metric), percent, kUnlisted};
  return {kOther, spaced(metric), percent, kUnlisted};
}

bool is_counter(const std::string& metric) {
  return metric == "episode" || metric == "epoch" || metric == "policy_version" ||
         metric == "weight_sync_version";
}

}  // namespace r1::metrics
