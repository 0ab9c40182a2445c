#pragma once
// Decides whether two syntax trees mean the same answer: equal, different, or unknown.
#include <vector>

#include "rewards/maths/node.h"

namespace r1::rewards::maths {

enum class Answer { Equal, Different, Unknown };

/// Compares by shape first: lists and sets in any order, tuples and intervals in their order,
/// assignments by the right side, equations and inequalities up to a factor. Then compares values
/// (numbers.h). Unknown: undecided within `limits`, or one side has no value.
Answer compare(const Node& gold, const Node& prediction, const Limits& limits = {});

/// Whether both nodes are single numbers; if so, sets `relative_error` to |p - g| / max(|g|,
/// 1e-12), at most 1e9.
bool numeric_distance(const Node& gold, const Node& prediction, const Limits& limits,
                      double& relative_error);
/// The elements of a list or set, or the node itself; "\pm" gives two elements.
std::vector<Node> answer_elements(const Node& node);

}  // namespace r1::rewards::maths
