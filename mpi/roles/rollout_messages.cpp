#include "roles/rollout_messages.h"

#include "serialization.h"

namespace r1::mpi {

void send_rollouts(Exchange& exchange, int to, ExchangeTag tag,
                   std::span<const data::Rollout> rollouts, std::span<const data::Prompt> prompts) {
  std::vector<data::Rollout> sent(rollouts.begin(), rollouts.end());
  if (!prompts.empty())
    for (auto& rollout : sent) rollout.prompt = {};
  exchange.send(to, tag, sent);
}

std::vector<data::Rollout> receive_rollouts(Exchange& exchange, int from, ExchangeTag tag,
                                            std::span<const data::Prompt> prompts,
                                            const char* label) {
  auto rollouts = exchange.receive<std::vector<data::Rollout>>(from, tag, label);
  if (prompts.empty()) return rollouts;
  for (auto& rollout : rollouts)
    rollout.prompt = prompts[static_cast<std::size_t>(rollout.group - prompts.front().index)];
  return rollouts;
}

}  // namespace r1::mpi
