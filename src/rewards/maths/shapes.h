#pragma once
// What an answer's tree is the shape of: a set, an assignment, an interval, a vector; and the
// conversions between shapes that mean the same.
#include <optional>
#include <vector>

#include "rewards/maths/compare.h"
#include "rewards/maths/node.h"

namespace r1::rewards::maths {

bool is_set(const Node& node);         // {…}, or elements without brackets
bool is_tuple(const Node& node);       // (…)
bool is_inequality(const Node& node);  // < <= > >= !=
bool is_union(const Node& node);
bool contains(const Node& node, Kind kind);
/// x, x_1, AB, f(x), (p,q), V_1:V_2: what may stand left of an assignment.
bool is_name(const Node& node);
bool is_assignment(const Node& node);
/// "\lim f = 1", "P(X = 3) = 1/4", "dy/dx = 2x", "A^2 = (a matrix)": the left side is no equation
/// to solve, the right side is its value.
bool states_value(const Node& node);
/// The right side of an assignment ("2 = x" too), of a computation without symbols, of a stated
/// value; else `node`.
const Node& assigned(const Node& node);
/// The left side of an assignment.
const Node& name_of(const Node& assignment);
/// 1, -1: plus or minus infinity; 0: anything else.
int infinity_sign(const Node& node);

/// The entries of a tuple, or of a matrix with one row or one column.
std::optional<std::vector<Node>> as_vector(const Node& node);
/// The rows of a matrix, also one written as [[1,2],[3,4]].
std::optional<std::vector<Node>> as_rows(const Node& node);
/// A set of real numbers as intervals, each a Group with brackets such as "[)": inequalities and
/// their lists, chains, |x| < 3, unions, R, R without points. Empty: something else.
std::optional<std::vector<Node>> as_intervals(const Node& node);
/// left - right, or right - left for > and >=.
Node side_difference(const Node& relation);

}  // namespace r1::rewards::maths
