#include "rewards/registry.h"

#include <array>

#include "rewards/puzzles/scorer.h"

namespace r1::rewards {
namespace {

constexpr std::array kRewards{
    RewardEntry{"correctness", RewardKind::Correctness, make_correctness},
    RewardEntry{"answer_in_tag", RewardKind::Correctness, make_answer_in_tag},
    RewardEntry{"countdown", RewardKind::Correctness, make_countdown},
    RewardEntry{"puzzle", RewardKind::Correctness, make_puzzle},
    RewardEntry{"choice", RewardKind::Correctness, make_choice},
    RewardEntry{"refusal", RewardKind::Correctness, make_refusal},
    RewardEntry{"instructions", RewardKind::Correctness, make_instructions},
    RewardEntry{"format", RewardKind::Other, make_format},
    RewardEntry{"reasoning_quality", RewardKind::Quality, make_reasoning_quality},
    RewardEntry{"response_quality", RewardKind::Quality, make_response_quality},
    RewardEntry{"readability", RewardKind::Quality, make_readability},
    RewardEntry{"consistency", RewardKind::Quality, make_consistency},
    RewardEntry{"language_consistency", RewardKind::Other, make_language_consistency},
    RewardEntry{"repetition", RewardKind::Other, make_repetition},
    RewardEntry{"length", RewardKind::Other, make_length},
    RewardEntry{"overlong", RewardKind::Other, make_overlong},
    RewardEntry{"code", RewardKind::Correctness, make_code},
    RewardEntry{"external", RewardKind::Other, make_external},
    RewardEntry{kRewardModelPart, RewardKind::Other, make_reward_model},
    RewardEntry{kSafetyPart, RewardKind::Other, make_safety},
};

}  // namespace

const RewardEntry* find_reward(const std::string& name) {
  for (const RewardEntry& entry : kRewards)
    if (name == entry.name) return &entry;
  return nullptr;
}

std::string reward_names() {
  std::string names;
  for (const RewardEntry& entry : kRewards)
    names += (names.empty() ? "" : ", ") + std::string(entry.name);
  return names;
}

std::string reward_of_scorer(const std::string& scorer) {
  constexpr std::array<std::array<const char*, 2>, 4> kScorers{{{"maths", "correctness"},
                                                                {"code", "code"},
                                                                {"safety", "refusal"},
                                                                {"reasoning_gym", "puzzle"}}};
  for (const auto& [name, reward] : kScorers)
    if (scorer == name) return reward;
  if (find_reward(scorer) != nullptr) return scorer;
  return puzzles::find_scorer(scorer) != nullptr ? "puzzle" : "";
}

RewardOptions scorer_options(const RewardOptions& given, const std::string& scorer) {
  RewardOptions options = given;
  options.parts = {{reward_of_scorer(scorer), 1.0, ""}};
  options.groups.clear();
  options.quality_cap_when_wrong = 1.0;
  // A name that is a reward as well (countdown) means the reward.
  if (find_reward(scorer) == nullptr && puzzles::find_scorer(scorer) != nullptr)
    options.puzzle.scorer = scorer;
  return options;
}

}  // namespace r1::rewards
