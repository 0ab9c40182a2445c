#pragma once
// Extracts the answer to a puzzle from a completion: a word, a list, or a grid of several lines.
#include <string>

#include "rewards/options.h"

namespace r1::rewards::puzzles {

/// Searches after the thinking part; an unclosed thinking part leaves no answer. The answer is the
/// last answer block, else the last \boxed group, else the text after the last "answer:" or "답:",
/// else as many last lines as the gold answer has. Code fences around the answer are removed.
/// Empty: no answer.
std::string answer_of(const std::string& completion, const TagOptions& tags,
                      const std::string& gold);

}  // namespace r1::rewards::puzzles
