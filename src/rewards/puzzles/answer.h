#pragma once
// The part of a completion that answers a puzzle: a word, a list, a grid of several lines.
#include <string>

#include "rewards/options.h"

namespace r1::rewards::puzzles {

/// Behind the thinking part (an unclosed one hides everything): the last answer block; else the
/// last \boxed group; else what follows the last "answer:" or "답:"; else the last lines, as many
/// as the gold answer has. Code fences around it are removed. Empty: no answer.
std::string answer_of(const std::string& completion, const TagOptions& tags,
                      const std::string& gold);

}  // namespace r1::rewards::puzzles
