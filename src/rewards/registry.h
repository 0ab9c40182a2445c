#pragma once
// Name -> reward. A new reward is one file, one line in registry.cpp, one line in README.md and a
// test.
#include <memory>
#include <string>

#include "rewards/options.h"
#include "rewards/reward.h"

namespace r1::rewards {

/// What a part says about a sample: whether it is right, how good it looks, or anything else.
enum class RewardKind { Correctness, Quality, Other };

using RewardFactory = std::unique_ptr<Reward> (*)(const RewardOptions&);

/// score() of a registered reward returns first its own value under its own name, then details
/// "name.detail" that are logged and carry no weight.
struct RewardEntry {
  const char* name;
  RewardKind kind;
  RewardFactory make;
};

/// nullptr: no such reward.
const RewardEntry* find_reward(const std::string& name);
/// All names, comma separated, for messages.
std::string reward_names();

/// The reward behind a scorer of [[evaluate.suites]]: maths, code, safety, choice, reasoning_gym, a
/// reward of the registry, or a scorer of the puzzle reward by its name. Empty: no such scorer.
std::string reward_of_scorer(const std::string& scorer);
/// The options under which that reward is a suite's only part.
RewardOptions scorer_options(const RewardOptions& options, const std::string& scorer);

// One factory per file of this folder.
std::unique_ptr<Reward> make_correctness(const RewardOptions&);
std::unique_ptr<Reward> make_answer_in_tag(const RewardOptions&);
std::unique_ptr<Reward> make_countdown(const RewardOptions&);
std::unique_ptr<Reward> make_puzzle(const RewardOptions&);
std::unique_ptr<Reward> make_choice(const RewardOptions&);
std::unique_ptr<Reward> make_refusal(const RewardOptions&);
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
