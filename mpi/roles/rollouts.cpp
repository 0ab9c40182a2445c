#include "roles/rollouts.h"

#include "base/random.h"

namespace r1::mpi {

std::pair<std::int64_t, std::int64_t> chunk_range(std::int64_t num_groups, std::int64_t num_chunks,
                                                  std::int64_t index) {
  return {num_groups * index / num_chunks, num_groups * (index + 1) / num_chunks};
}

void shuffle_rewards(std::vector<data::Rollout>& rollouts, std::uint64_t seed) {
  std::vector<double> totals;
  for (const auto index : base::permutation(static_cast<std::int64_t>(rollouts.size()), seed))
    totals.push_back(rollouts[static_cast<std::size_t>(index)].reward.total);
  for (std::size_t i = 0; i < rollouts.size(); ++i) rollouts[i].reward.total = totals[i];
}

}  // namespace r1::mpi
