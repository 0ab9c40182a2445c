#pragma once
// What rewards need besides the completion: gold answers that can be read, and programs.
#include <string>

#include "rewards/options.h"

namespace r1::rewards {

/// Whether the part correctness can read a gold answer.
bool can_read_answer(const std::string& answer);

/// The program of [rewards.external] when a part needs it and it cannot be run here (by its path,
/// or by PATH); "" otherwise.
std::string missing_program(const RewardOptions& options);

}  // namespace r1::rewards
