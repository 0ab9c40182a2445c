#pragma once
// The rollouts of a step, distributed over the policy's replicas, and the services that score the
// rollouts chunk by chunk while later chunks are sampled.
#include <algorithm>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "data/types.h"
#include "exchange.h"
#include "role_groups.h"
#include "roles/rollout_messages.h"
#include "serialization.h"

namespace r1::mpi {

/// The groups of one chunk that this rank's replica sampled (empty on ranks that do not sample,
/// equal on all ranks of a replica). A group belongs to the policy's replica group % num_replicas:
/// this replica owns all samples of the group. If the policy generates on separate ranks, samples
/// are scored on the generation ranks and then delivered to the owner (policy_sampler.h).
struct RolloutChunk {
  std::int64_t index = 0;
  std::vector<data::Rollout> rollouts;
};

/// The groups [first, last) of `num_groups` groups that belong to chunk `index` of `num_chunks`.
std::pair<std::int64_t, std::int64_t> chunk_range(std::int64_t num_groups, std::int64_t num_chunks,
                                                  std::int64_t index);

/// Permutes the total rewards over the samples, by `seed`. With shuffled rewards learning must
/// fail, which serves as a control ([rewards] shuffle).
void shuffle_rewards(std::vector<data::Rollout>& rollouts, std::uint64_t seed);

/// A role that answers each rollout with a Reply. Sampling replica r is served by replica r %
/// (number of the role's replicas). The leader of the sampling replica sends the rollouts to all
/// ranks of the serving replica, which score the rollouts together; the leader of the serving
/// replica sends the replies to all ranks of the sampling replica. A rank that belongs to both
/// replicas needs no message.
template <class Reply>
class ScoreService {
 public:
  using Score = std::function<std::vector<Reply>(std::span<const data::Rollout>)>;
  using Store = std::function<void(data::Rollout&, Reply)>;

  ScoreService(RoleGroups& groups, Exchange& exchange, std::string role, ExchangeTag request_tag,
               ExchangeTag reply_tag)
      : me_(groups.world().rank()),
        clients_(groups.layout().role(sampling_role(groups.layout())).replicas()),
        servers_(groups.layout().role(role).replicas()),
        exchange_(exchange),
        role_(std::move(role)),
        request_tag_(request_tag),
        reply_tag_(reply_tag) {}

  /// Every rank calls score() for every chunk in order: sampling ranks send their rollouts and
  /// continue, ranks of the role score the rollouts of the replicas that they serve. `prompts`: the
  /// prompts of the step, equal on all ranks; empty: the rollouts are sent with theirs.
  void score(std::span<const data::Prompt> prompts, const RolloutChunk& chunk,
             const Score& score_some) {
    for (std::size_t replica = 0; replica < clients_.size(); ++replica)
      if (clients_[replica].front() == me_)
        for (const int server : server_of(replica))
          if (!contains(clients_[replica], server))
            send_rollouts(exchange_, server, request_tag_, chunk.rollouts, prompts);
    for (std::size_t replica = 0; replica < clients_.size(); ++replica)
      if (contains(server_of(replica), me_)) serve(replica, prompts, chunk, score_some);
  }

  /// Waits for the replies to all chunks since the last collect() and stores them. `chunks`: this
  /// rank's parts, in order.
  void collect(std::vector<RolloutChunk>& chunks, const Store& store) {
    for (std::size_t replica = 0; replica < clients_.size(); ++replica) {
      if (!contains(clients_[replica], me_)) continue;
      const auto& server = server_of(replica);
      for (std::size_t c = 0; c < chunks.size(); ++c) {
        auto replies = contains(server, me_) ? std::move(local_[c])
                                             : exchange_.receive<std::vector<Reply>>(
                                                   server.front(), reply_tag_, role_.c_str());
        for (std::size_t i = 0; i < chunks[c].rollouts.size(); ++i)
          store(chunks[c].rollouts[i], std::move(replies[i]));
      }
    }
    local_.clear();
    exchange_.flush();
  }

 private:
  const std::vector<int>& server_of(std::size_t replica) const {
    return servers_[replica % servers_.size()];
  }
  static bool contains(const std::vector<int>& ranks, int rank) {
    return std::find(ranks.begin(), ranks.end(), rank) != ranks.end();
  }

  /// On a rank of the serving replica: scores the rollouts of one sampling replica.
  void serve(std::size_t replica, std::span<const data::Prompt> prompts, const RolloutChunk& chunk,
             const Score& score_some) {
    const auto& client = clients_[replica];
    const bool local = contains(client, me_);
    std::vector<data::Rollout> received;
    if (!local)
      received = receive_rollouts(exchange_, client.front(), request_tag_, prompts, role_.c_str());
    const std::span<const data::Rollout> rollouts = local ? chunk.rollouts : received;
    // A replica may own no group of a small chunk.
    auto replies = rollouts.empty() ? std::vector<Reply>() : score_some(rollouts);
    if (server_of(replica).front() == me_)
      for (const int rank : client)
        if (!contains(server_of(replica), rank)) exchange_.send(rank, reply_tag_, replies);
    if (local) local_.push_back(std::move(replies));
  }

  int me_;
  std::vector<std::vector<int>> clients_, servers_;  // world ranks of the replicas
  Exchange& exchange_;
  std::string role_;
  ExchangeTag request_tag_, reply_tag_;
  std::vector<std::vector<Reply>> local_;
};

}  // namespace r1::mpi
