#pragma once
// The canonical form of a tree as text, with sums and products flattened and sorted. Equal keys
// mean equal answers, without any arithmetic.
#include <string>

#include "rewards/maths/node.h"

namespace r1::rewards::maths {

std::string canonical_key(const Node& node);
/// Whether a node is never evaluated but only compared by key: sums over an index, integrals,
/// limits and unknown operators.
bool is_opaque(const Node& node);
/// Whether a symbol stands for a number: not for infinity, a set of numbers, or dots.
bool is_number_symbol(const std::string& name);

}  // namespace r1::rewards::maths
