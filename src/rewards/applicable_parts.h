#pragma once
// Which parts of the reward count for a record: those that [[rl.changes]] leaves on, whose `when`
// the record meets, and that have what they compare with.
#include <cstddef>
#include <string>
#include <vector>

#include "rewards/options.h"
#include "rewards/reward.h"

namespace r1::rewards {

/// Whether a record (JSON text) has one of the wanted values in each of the fields. A number or
/// true or false counts as its text; a record that lacks the field does not match.
bool matches(const base::FieldValues& when, const std::string& record);

/// Places in `options.parts`. A record without a gold answer is not judged by the parts that
/// compare with one where another part can judge it; where none can, they say themselves what is
/// missing.
std::vector<std::size_t> applicable_parts(const RewardOptions& options, const RewardInput& input);

/// Whether a part of that name counts for the input.
bool is_applicable(const RewardOptions& options, const RewardInput& input, const std::string& part);

/// Whether one of the parts that count for this record compares with the gold answer.
bool needs_answer(const RewardOptions& options, const std::string& record);

}  // namespace r1::rewards
