#pragma once
// The countdown puzzle: an expression over given numbers, each used once, that equals the target.
#include <cstdint>
#include <string_view>
#include <vector>

#include "rewards/puzzles/scorer.h"

namespace r1::rewards::puzzles {

/// The result of checking an expression. `legal`: the expression uses the numbers according to the
/// rules. `hit`: its value is the target.
struct CountdownResult {
  bool readable = false;
  bool legal = false;
  bool hit = false;
};

/// Numbers and target of a record: the fields numbers or nums, and target (puzzle24: 24).
struct CountdownPuzzle {
  std::vector<std::int64_t> numbers;  // sorted
  std::int64_t target = 0;
};
/// Returns false if the fields are missing or not integers.
bool read_countdown(const Puzzle& puzzle, CountdownPuzzle& out);

/// Evaluates an expression in exact rational arithmetic over + - * / and brackets; of "3 * 4 = 12"
/// the left side counts. `use_all`: each number exactly once, else at most once. Never throws.
CountdownResult play_countdown(std::string_view expression, const CountdownPuzzle& puzzle,
                               bool use_all);

/// Right: the expression is legal, uses every number, and equals the target.
Verdict countdown(std::string_view answer, const Puzzle& puzzle);

}  // namespace r1::rewards::puzzles
