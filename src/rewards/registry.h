#pragma once
// The registry of rewards by name. A new reward needs one file, one line in registry.cpp, one line
// in README.md and a test.
#include <memory>
#include <string>

#include "rewards/options.h"
#include "rewards/reward.h"

namespace r1::rewards {

/// The kind of a part: whether a sample is correct, how good a sample looks, or another property.
enum class RewardKind { Correctness, Quality, Other };

using RewardFactory = std::unique_ptr<Reward> (*)(const RewardOptions&);

/// score() of a registered reward first returns the reward's value under the reward's name, then
/// details under "name.detail", which are logged and have no weight.
struct RewardEntry {
  const char* name;
  RewardKind kind;
  RewardFactory make;
};

/// nullptr: there is no such reward.
const RewardEntry* find_reward(const std::string& name);
/// All names, comma separated, for messages.
std::string reward_names();

/// The reward behind a scorer of [[evaluate.suites]]: maths, code, safety, choice, reasoning_gym, a
/// reward of the registry, or a scorer of the puzzle reward by its name. Empty: there is no such
/// scorer.
std::string reward_of_scorer(const std::string& scorer);
/// Options in which this reward is the only part of a suite.
RewardOptions scorer_options(const RewardOptions& options, const std::string& scorer);

// One factory per file of this folder.
std::unique_ptr<Reward> make_correctness(const RewardOptions&);
std::unique_ptr<Reward> make_answer_in_tag(const RewardOptions&);
std::unique_ptr<Reward> make_countdown(const RewardOptions&);
std::unique_ptr<Reward> make_puzzle(const RewardOptions&);
std::unique_ptr<Reward> make_choice(const RewardOptions&);
std::unique_ptr<Reward> make_refusal(const RewardOptions&);
std::unique_ptr<Reward> make_instructions(const RewardOptions&);
std::unique_ptr<Reward> make_format(const RewardOptions&);
std::unique_ptr<Reward> make_reasoning_quality(const RewardOptions&);
std::unique_ptr<Reward> make_response_quality(const RewardOptions&);
std::unique_ptr<Reward> make_readability(const RewardOptions&);
std::unique_ptr<Reward> make_consistency(const RewardOptions&);
std::unique_ptr<Reward> make_language_consistency(const RewardOptions&);
std::unique_ptr<Reward> make_repetition(const RewardOptions&);
std::unique_ptr<Reward> make_length(const RewardOptions&);
std::unique_ptr<Reward> make_overlong(const RewardOptions&);
std::unique_ptr<Reward> make_code(const RewardOptions&);
std::unique_ptr<Reward> make_external(const RewardOptions&);
std::unique_ptr<Reward> make_reward_model(const RewardOptions&);
std::unique_ptr<Reward> make_safety(const RewardOptions&);

}  // namespace r1::rewards
