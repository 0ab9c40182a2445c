#pragma once
// The countdown puzzle: an expression over given numbers, each used once, that makes the target.
#include <cstdint>
#include <string_view>
#include <vector>

#include "rewards/puzzles/scorer.h"

namespace r1::rewards::puzzles {

/// What became of an expression. `legal`: it uses the numbers as the rules say.
struct CountdownResult {
  bool readable = false;
  bool legal = false;
  bool hit = false;
};

/// Numbers and target of a record: fields numbers or nums, and target (puzzle24: 24).
struct CountdownPuzzle {
  std::vector<std::int64_t> numbers;  // sorted
  std::int64_t target = 0;
};
/// False when the fields are missing or no integers.
bool read_countdown(const Puzzle& puzzle, CountdownPuzzle& out);

/// Exact rational arithmetic over + - * / and brackets ("3 * 4 = 12": the left side counts).
/// `use_all`: each number exactly once, else at most once. Never throws.
CountdownResult play_countdown(std::string_view expression, const CountdownPuzzle& puzzle,
                               bool use_all);

/// Right: legal with every number used, and the target is hit.
Verdict countdown(std::string_view answer, const Puzzle& puzzle);

}  // namespace r1::rewards::puzzles
