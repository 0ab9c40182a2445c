#pragma once
// Majority voting over the samples of a question (cons@k).
#include <string>
#include <vector>

#include "rewards/options.h"

namespace r1::rewards {

/// The answer that counts as the vote of a sample; empty: the sample does not vote.
std::string vote_of(const std::string& completion, const std::string& gold, const TagOptions& tags);

/// Index of the first sample of the largest group of equal votes; among groups of equal size, the
/// earliest group wins. -1: there are no votes, or the group has fewer than `least` votes. Votes
/// are equal if their texts agree except for layout and case, or if the maths verifier finds them
/// equal.
std::ptrdiff_t majority_sample(const std::vector<std::string>& votes, std::size_t least = 1);

}  // namespace r1::rewards
