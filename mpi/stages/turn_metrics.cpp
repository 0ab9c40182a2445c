#include "stages/turn_metrics.h"

namespace r1::mpi {

void declare_turn_metrics(metrics::Aggregate& statistics) {
  for (const char* name :
       {"turns", "turn_tokens", "tool_tokens", "tool_failure_share", "tool_seconds"})
    statistics.declare_mean(name);
}

void add_turn_metrics(metrics::Aggregate& statistics, const data::Completion& completion) {
  const auto size = static_cast<std::int64_t>(completion.token_ids.size());
  const auto sampled = static_cast<double>(data::num_sampled(completion));
  // Nothing follows the answer that ends an episode.
  const bool goes_on = completion.answers.empty() || completion.answers.back().end < size;
  const auto turns = static_cast<double>(completion.answers.size()) + (goes_on ? 1.0 : 0.0);
  statistics.add_mean("turns", turns);
  statistics.add_mean("turn_tokens", sampled / turns, turns);
  statistics.add_mean("tool_tokens", static_cast<double>(size) - sampled);
  for (const auto& answer : completion.answers) {
    statistics.add_mean("tool_failure_share", answer.status == "ok" ? 0.0 : 1.0);
    statistics.add_mean("tool_seconds", answer.seconds);
  }
}

}  // namespace r1::mpi
