#pragma once
// The maths verifier: compares a gold answer with a model's text and returns a three-valued
// verdict.
#include <string>
#include <string_view>

#include "rewards/maths/compare.h"

namespace r1::rewards::maths {

struct Verdict {
  Answer answer = Answer::Unknown;
  double score = 0.0;     // 1: equal, 0: otherwise
  std::string reason;     // ok, wrong, no_answer, unparsable_answer, unparsable_gold, limit
  std::string rule;       // as in extract.h
  std::string candidate;  // the compared text
};

/// Compares the answer in `prediction` with `gold` (an answer, "#### n" or a text with \boxed).
/// Never throws on its inputs.
Verdict verify(std::string_view gold, std::string_view prediction, const Limits& limits = {});

/// Partial credit of a wrong answer, in [0, 0.5): the share of a set's correct elements, or the
/// closeness of a number; monotone in both. 0 for other answers.
double partial_score(std::string_view gold, std::string_view prediction, const Limits& limits = {});

}  // namespace r1::rewards::maths
