#pragma once
// Parts that a model scores: what of a completion the model reads, and how its score becomes a
// part. The models run elsewhere (model_judge.h); this file is free of torch.
#include <string>
#include <string_view>

#include "rewards/reward.h"
#include "rewards/sections.h"

namespace r1::rewards {

/// Names of the parts, in [[rewards.parts]] and in RewardInput::model_scores.
inline constexpr const char* kRewardModelPart = "reward_model";
inline constexpr const char* kSafetyPart = "safety";

/// What a model reads of a completion: "all", or "answer": the last answer block, else what follows
/// the thinking part (nothing when that is not closed). R1's helpfulness model sees the final
/// summary only (arXiv 2501.12948, section 2.3.4).
std::string seen_text(const std::string& completion, const std::string& sees,
                      const TagOptions& tags);

/// Whether most letters are of another script than Latin: an English classifier cannot judge these.
bool is_mostly_non_latin(std::string_view text);

}  // namespace r1::rewards
