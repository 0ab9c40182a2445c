#include "rewards/combine.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace r1::rewards {
namespace {

void require_valid(const RewardOptions& options) {
  base::Problems problems;
  options.check("rewards", problems);
  std::string text;
  for (const base::Problem& p : problems.list())
    text += fmt::format("\n  {}: {}", p.key, p.message);
  if (!problems.empty()) throw base::ConfigError("the rewards cannot be built:" + text);
}

int num_threads(const RewardOptions& options) {
  return options.workers > 0
             ? 1
             : static_cast<int>(std::min<std::int64_t>(options.threads, kMaxWorkers));
}

}  // namespace

CombinedReward::CombinedReward(const RewardOptions& options)
    : options_(options), threads_(num_threads(options)) {
  require_valid(options);
  if (options.workers > 0)
    workers_ = std::make_unique<workers::WorkerProcesses>(options);
  else
    scorer_ = std::make_unique<PartScorer>(options);
}

void CombinedReward::start() const {
  if (workers_) workers_->start();
}

std::string CombinedReward::description() const {
  return workers_ ? workers_->description() : "";
}

data::Reward CombinedReward::score_one(const RewardInput& input) const {
  return workers_ ? workers_->score({input}, {}).front() : scorer_->score(input);
}

void CombinedReward::delay(const ScoreBudget& budget) const {
  const base::Stopwatch watch;
  const double seconds = static_cast<double>(options_.delay_ms) / 1000.0;
  while (watch.seconds() < seconds && budget.reason().empty())
    std::this_thread::sleep_for(std::chrono::duration<double>(
        std::clamp(seconds - watch.seconds(), 0.0, budget.next_look())));
}

std::vector<data::Reward> CombinedReward::score(const std::vector<RewardInput>& inputs,
                                                const ScoreBudget& budget) const {
  delay(budget);
  if (workers_) return workers_->score(inputs, budget);
  std::vector<data::Reward> rewards(inputs.size());
  threads_.run(inputs.size(), [&](std::size_t i) {
    const auto reason = budget.reason();
    rewards[i] = reason.empty() ? scorer_->score(inputs[i]) : unscored(options_, reason);
  });
  return rewards;
}

}  // namespace r1::rewards
