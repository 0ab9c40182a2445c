#include "rewards/registry.h"

#include <array>

namespace r1::rewards {
namespace {

constexpr std::array kRewards{
    RewardEntry{"correctness", RewardKind::Correctness, make_correctness},
    RewardEntry{"answer_in_tag", RewardKind::Correctness, make_answer_in_tag},
    RewardEntry{"countdown", RewardKind::Correctness, make_countdown},
    RewardEntry{"puzzle", RewardKind::Correctness, make_puzzle},
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

}  // namespace r1::rewards
