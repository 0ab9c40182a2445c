#include "rewards/needs_answer.h"

#include <algorithm>

namespace r1::rewards {

bool needs_answer(const RewardOptions& options) {
  return std::any_of(options.parts.begin(), options.parts.end(), [](const auto& part) {
    return part.name == "correctness" || part.name == "answer_in_tag" || part.name == "choice";
  });
}

}  // namespace r1::rewards
