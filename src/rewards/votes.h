#pragma once
// Majority voting over the samples of a question (cons@k).
#include <string>
#include <vector>

#include "rewards/options.h"

namespace r1::rewards {

/// The answer that a sample's vote counts for; empty: it has none and does not vote.
std::string vote_of(const std::string& completion, const std::string& gold, const TagOptions& tags);

/// Index of the first sample of the largest group of equal votes (the earliest group of equals);
/// -1: nobody votes, or the group has fewer than `least` votes. Equal: the same text but for layout
/// and case, or equal to the maths verifier.
std::ptrdiff_t majority_sample(const std::vector<std::string>& votes, std::size_t least = 1);

}  // namespace r1::rewards
