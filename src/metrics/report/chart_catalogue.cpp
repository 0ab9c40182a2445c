#include "metrics/report/chart_catalogue.h"

#include <algorithm>
#include <array>

namespace r1::metrics {
namespace {

constexpr const char* kReward = "Reward and right answers";
constexpr const char* kParts = "Parts of the reward";
constexpr const char* kAnswers = "Shape of the answers";
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

constexpr std::array<Known, 43> kKnown{{
    {"reward_mean", kReward, "Reward, mean of the batch", false},
    {"accuracy", kReward, "Right answers in the batch", true},
    {"heldout_accuracy", kReward, "Held-out pass@1", true},
    {"heldout_loss", kReward, "Held-out loss", false},
    {"reward_std", kReward, "Reward, standard deviation", false},
    {"reward_right", kReward, "Reward of right answers", false},
    {"reward_wrong", kReward, "Reward of wrong answers", false},
    {"completion_length", kAnswers, "Tokens an answer", false},
    {"thinking_length", kAnswers, "Tokens in the thinking part", false},
    {"truncated_share", kAnswers, "Cut off at the length limit", true},
    {"reflection_share", kAnswers, "Answers with reflection words", true},
    {"no_answer_share", kAnswers, "Without an answer", true},
    {"kl_divergence", kDistance, "KL to the reference, sequence sum", false},
    {"kl_token", kDistance, "KL to the reference, a token", false},
    {"entropy", kDistance, "Entropy of the policy", false},
    {"kl_old_new", kDistance, "KL of old and new policy", false},
    {"ratio_mean", kDistance, "Probability ratio, mean", false},
    {"clip_fraction", kDistance, "Clipped tokens", true},
    {"clip_fraction_low", kDistance, "Clipped below", true},
    {"clip_fraction_high", kDistance, "Clipped above", true},
    {"logprob_gap_mean", kDistance, "Trainer and generator, mean |Δ log p|", false},
    {"logprob_gap_max", kDistance, "Trainer and generator, max |Δ log p|", false},
    {"loss", kLosses, "Loss", false},
    {"policy_loss", kLosses, "Policy loss", false},
    {"value_loss", kLosses, "Value loss", false},
    {"sft_loss", kLosses, "Supervised loss", false},
    {"distill_loss", kLosses, "Distillation loss", false},
    {"soft_loss", kLosses, "Distillation, soft term", false},
    {"hard_loss", kLosses, "Distillation, hard term", false},
    {"grad_norm", kOptimiser, "Gradient norm", false},
    {"learning_rate", kOptimiser, "Learning rate", false},
    {"weight_change", kOptimiser, "Weight change since the stage began", true},
    {"zero_advantage_share", kOptimiser, "Groups without advantage", true},
    {"skipped_steps", kOptimiser, "Skipped steps", false},
    {"expert_load_max", kOptimiser, "Busiest expert of any layer, over the mean", false},
    {"expert_idle_share", kOptimiser, "Experts without a token", true},
    {"tokens_per_second", kSpeed, "Tokens a second", false},
    {"mfu", kSpeed, "Share of peak arithmetic", true},
    {"step_seconds", kSpeed, "Seconds a step", false},
    {"generate_seconds", kSpeed, "Seconds generating", false},
    {"update_seconds", kSpeed, "Seconds updating", false},
    {"wait_share", kSpeed, "Time waiting", true},
    {"memory_gib", kSpeed, "Peak memory, GiB", false},
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
  static const std::vector<std::string> sections{kReward, kParts,     kAnswers, kDistance,
                                                 kLosses, kOptimiser, kSpeed,   kOther};
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
         metric == "reference_version";
}

}  // namespace r1::metrics
