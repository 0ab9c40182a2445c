#pragma once
// What rewards need besides the completion: gold answers and programs.
#include <string>

#include "rewards/options.h"

namespace r1::rewards {

/// Whether one of the configured parts needs the gold answer.
bool needs_answer(const RewardOptions& options);

/// Whether the part correctness, when it is listed, can read a gold answer; without that part: yes.
bool can_read_answer(const RewardOptions& options, const std::string& answer);

/// The program of [rewards.external] when a part needs it and it cannot be run here (by its path,
/// or by PATH); "" otherwise.
std::string missing_program(const RewardOptions& options);

}  // namespace r1::rewards
