#include "rewards/workers/worker_processes.h"

#include <algorithm>

#include "rewards/part_scorer.h"
#include "rewards/workers/messages.h"

namespace r1::rewards::workers {
namespace {

constexpr double kWaitSeconds = 60.0;  // for something to happen; nothing depends on it

PoolOptions pool_options(const RewardOptions& options) {
  return {"rewards",
          {ServiceKind::Rewards, options.limits.memory_mib, pack(options)},
          options.workers,
          options.sample_budget()};
}

}  // namespace

WorkerProcesses::WorkerProcesses(const RewardOptions& options)
    : options_(options), pool_(pool_options(options)) {}

void WorkerProcesses::start() {
  const std::lock_guard lock(mutex_);
  try {
    pool_.start();
  } catch (...) {
    pool_.clear();
    throw;
  }
}

std::vector<data::Reward> WorkerProcesses::score(const std::vector<RewardInput>& inputs,
                                                 const ScoreBudget& budget) {
  const std::lock_guard lock(mutex_);
  try {
    std::vector<std::uint64_t> numbers;
    for (const auto& input : inputs) numbers.push_back(pool_.submit(pack(input)));
    std::vector<data::Reward> rewards;
    for (const auto number : numbers) {
      auto outcome = pool_.take(number);
      for (; !outcome; outcome = pool_.take(number))
        if (const auto reason = budget.reason(); !reason.empty())
          pool_.give_up(reason);
        else
          pool_.serve(std::min(kWaitSeconds, budget.next_look()));
      rewards.push_back(outcome->failure.empty() ? unpack_reward(outcome->body)
                                                 : unscored(options_, outcome->failure));
    }
    return rewards;
  } catch (...) {
    pool_.clear();  // workers may be at work on samples of this call
    throw;
  }
}

}  // namespace r1::rewards::workers
