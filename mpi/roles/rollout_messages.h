#pragma once
// Messages between roles: their tags, and the format of rollouts. Where every rank knows the
// prompts of a step, a message contains only completions and scores, and the receiver adds the
// prompts. With rl.partial_rollouts the ranks that sample know alone which prompts a step has, and
// messages contain the prompts.
#include <span>
#include <vector>

#include "data/types.h"
#include "exchange.h"

namespace r1::mpi {

/// Tags of all messages of a run's Exchange.
enum ExchangeTag : int {
  kRewardRequest = 10,
  kRewardReply,
  kReferenceRequest,
  kReferenceReply,
  kTeacherReply,
  kGatheredSamples,  // from all replicas to the writing rank
  kOwnersSamples,    // from the replica that sampled to the replica that trains
  kMovedSamples,     // unfinished samples, to a replica with less work
  kFinishedSamples   // finished samples, back to their original replica
};

/// Sends `rollouts` to rank `to`. `prompts`: the prompts of the step as the receiver knows them;
/// empty: the message contains the prompts.
void send_rollouts(Exchange& exchange, int to, ExchangeTag tag,
                   std::span<const data::Rollout> rollouts, std::span<const data::Prompt> prompts);

/// Receives rollouts that rank `from` sent with send_rollouts and equal `prompts`, which have
/// consecutive indices. Throws: MpiError.
std::vector<data::Rollout> receive_rollouts(Exchange& exchange, int from, ExchangeTag tag,
                                            std::span<const data::Prompt> prompts,
                                            const char* label);

}  // namespace r1::mpi
