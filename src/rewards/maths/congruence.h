#pragma once
// Congruences: "x \equiv 2 \pmod 5", "2 (mod 5)", "x = 2 \pmod{5}".
#include <optional>
#include <vector>

#include "rewards/maths/node.h"
#include "rewards/maths/normalise.h"
#include "rewards/maths/rational.h"

namespace r1::rewards::maths {

/// Reads tokens that end with a modulus: Call "congruent" of the residue (the last side) and the
/// modulus. "17 \bmod 5" alone is an operation and is not read. Empty: the tokens have another
/// form. Throws: Unreadable for a side that is not maths.
std::optional<Node> read_congruence(const std::vector<Token>& tokens, const Limits& limits);

bool is_congruence(const Node& node);
/// Whether both residues are integers that differ by a multiple of the integer modulus; empty: one
/// of them is not an integer.
std::optional<bool> same_residue(const Node& a, const Node& b, const Node& modulus,
                                 const Limits& limits);

}  // namespace r1::rewards::maths
