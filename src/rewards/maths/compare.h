#pragma once
// Whether two syntax trees mean the same answer: equal, different, or unknown.
#include <vector>

#include "rewards/maths/node.h"

namespace r1::rewards::maths {

enum class Answer { Equal, Different, Unknown };

/// Shape rules first (lists and sets in any order, tuples and intervals in theirs, assignments by
/// their right side, equations and inequalities up to a factor), then values (numbers.h).
/// Unknown: undecided within `limits`, or no value on either side.
Answer compare(const Node& gold, const Node& prediction, const Limits& limits = {});

/// Whether both are single numbers; if so `relative_error` = |p - g| / max(|g|, 1e-12), at most
/// 1e9.
bool numeric_distance(const Node& gold, const Node& prediction, const Limits& limits,
                      double& relative_error);
/// The elements of a list or set, or the node itself; "\pm" gives two.
std::vector<Node> answer_elements(const Node& node);

}  // namespace r1::rewards::maths
