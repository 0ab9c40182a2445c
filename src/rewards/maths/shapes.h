#pragma once
// The shape of an answer's tree (a set, an assignment, an interval, a vector), and conversions
// between shapes with equal meaning.
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
/// Whether a node may stand left of an assignment: x, x_1, AB, f(x), (p,q), V_1:V_2.
bool is_name(const Node& node);
bool is_assignment(const Node& node);
/// Whether the left side is not an equation to solve and the right side is its value: "\lim f = 1",
/// "P(X = 3) = 1/4", "dy/dx = 2x", "A^2 = (a matrix)".
bool states_value(const Node& node);
/// The right side of an assignment (also of "2 = x"), of a computation without symbols, or of a
/// stated value; else `node`.
const Node& assigned(const Node& node);
/// The left side of an assignment.
const Node& name_of(const Node& assignment);
/// 1 or -1: plus or minus infinity; 0: any other node.
int infinity_sign(const Node& node);

/// The entries of a tuple, or of a matrix with one row or one column.
std::optional<std::vector<Node>> as_vector(const Node& node);
/// The rows of a matrix, also of [[1,2],[3,4]].
std::optional<std::vector<Node>> as_rows(const Node& node);
/// A set of real numbers as intervals, each a Group with brackets such as "[)": inequalities and
/// lists of inequalities, chains, |x| < 3, unions, R, R without points. Empty: another kind of set.
std::optional<std::vector<Node>> as_intervals(const Node& node);
/// left - right, or right - left for > and >=.
Node side_difference(const Node& relation);

}  // namespace r1::rewards::maths
