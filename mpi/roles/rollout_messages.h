#pragma once
// Messages between roles: their tags, and how rollouts travel. Every rank knows the prompts of a
// step, so a message carries completions and scores alone, and the receiver puts the prompts back.
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
  kGatheredSamples,  // from all replicas to the rank that writes
  kOwnersSamples,    // from the replica that sampled them to the one that trains on them
  kMovedSamples,     // unfinished ones, to a replica with less work
  kFinishedSamples   // those, back to where they came from
};

/// Sends `rollouts` without their prompts to rank `to`.
void send_rollouts(Exchange& exchange, int to, ExchangeTag tag,
                   std::span<const data::Rollout> rollouts);

/// What rank `from` sent with send_rollouts. `prompts`: those of the step, whose indices follow
/// each other. Throws: MpiError.
std::vector<data::Rollout> receive_rollouts(Exchange& exchange, int from, ExchangeTag tag,
                                            std::span<const data::Prompt> prompts,
                                            const char* label);

}  // namespace r1::mpi
