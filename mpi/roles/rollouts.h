#pragma once
// The rollouts of a step, spread over the policy's replicas, and the services that score them chunk
// by chunk while later chunks are still being sampled.
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "data/types.h"
#include "exchange.h"
#include "role_groups.h"
#include "serialization.h"

namespace r1::mpi {

/// Groups of one chunk that this rank's replica sampled (empty on ranks outside the policy). A
/// group belongs to replica group % num_replicas: all of its samples have one owner.
struct RolloutChunk {
  std::int64_t index = 0;
  std::vector<data::Rollout> rollouts;
};

/// Which groups of `num_groups` chunk `index` of `num_chunks` holds: [first, last).
std::pair<std::int64_t, std::int64_t> chunk_range(std::int64_t num_groups, std::int64_t num_chunks,
                                                  std::int64_t index);

/// Permutes the totals of the rewards over the samples, by `seed`: a control that learning must
/// fail ([rewards] shuffle).
void shuffle_rewards(std::vector<data::Rollout>& rollouts, std::uint64_t seed);

/// Message tags of the exchange, one pair per service.
enum ExchangeTag : int {
  kRewardRequest = 10,
  kRewardReply,
  kReferenceRequest,
  kReferenceReply,
  kTeacherRequest,
  kTeacherReply
};

/// A role that answers each rollout with a Reply. Replica r of the policy is served by rank r %
/// size of the role; a rank that is both answers itself without a message.
template <class Reply>
class ScoreService {
 public:
  using Score = std::function<std::vector<Reply>(std::span<const data::Rollout>)>;
  using Store = std::function<void(data::Rollout&, Reply)>;

  ScoreService(RoleGroups& groups, Exchange& exchange, std::string role, int request_tag,
               int reply_tag)
      : groups_(groups),
        exchange_(exchange),
        role_(std::move(role)),
        request_tag_(request_tag),
        reply_tag_(reply_tag) {}

  /// Every rank calls it for every chunk in order: policy ranks send their part and go on, ranks of
  /// the role score what their replicas sampled. `prompts`: the step's, known everywhere, so that
  /// messages carry completions only.
  void score(std::span<const data::Prompt> prompts, const RolloutChunk& chunk,
             const Score& score_some) {
    const auto score = [&](std::span<const data::Rollout>
                               rollouts) {  // a replica may own no group of a small chunk
      return rollouts.empty() ? std::vector<Reply>() : score_some(rollouts);
    };
    const auto& layout = groups_.layout();
    const auto& policy = layout.role(kPolicy).ranks;
    const auto& servers = layout.role(role_).ranks;
    const int me = groups_.world().rank();
    for (std::size_t replica = 0; replica < policy.size(); ++replica) {
      const int server = servers[replica % servers.size()];
      if (policy[replica] == me && server != me)
        exchange_.send(server, request_tag_, without_prompts(chunk.rollouts));
    }
    for (std::size_t replica = 0; replica < policy.size(); ++replica) {
      const int server = servers[replica % servers.size()];
      if (server != me) continue;
      if (policy[replica] == me) {
        local_.push_back(score(chunk.rollouts));
        continue;
      }
      auto rollouts = exchange_.receive<std::vector<data::Rollout>>(policy[replica], request_tag_,
                                                                    role_.c_str());
      for (auto& rollout : rollouts)
        rollout.prompt = prompts[static_cast<std::size_t>(rollout.group - prompts.front().index)];
      exchange_.send(policy[replica], reply_tag_, score(rollouts));
    }
  }

  /// Waits for the replies of all chunks since the last collect and stores them. `chunks`: this
  /// rank's parts in order.
  void collect(std::vector<RolloutChunk>& chunks, const Store& store) {
    const auto& layout = groups_.layout();
    const int me = groups_.world().rank();
    if (layout.is_in(me, kPolicy)) {
      const auto& servers = layout.role(role_).ranks;
      const auto replica = static_cast<std::size_t>(groups_.place(kPolicy).rank);
      const int server = servers[replica % servers.size()];
      for (std::size_t c = 0; c < chunks.size(); ++c) {
        auto replies =
            server == me ? std::move(local_[c])
                         : exchange_.receive<std::vector<Reply>>(server, reply_tag_, role_.c_str());
        for (std::size_t i = 0; i < chunks[c].rollouts.size(); ++i)
          store(chunks[c].rollouts[i], std::move(replies[i]));
      }
    }
    local_.clear();
    exchange_.flush();
  }

 private:
  static std::vector<data::Rollout> without_prompts(std::vector<data::Rollout> rollouts) {
    for (auto& rollout : rollouts) rollout.prompt = {};
    return rollouts;
  }

  RoleGroups& groups_;
  Exchange& exchange_;
  std::string role_;
  int request_tag_, reply_tag_;
  std::vector<std::vector<Reply>> local_;
};

}  // namespace r1::mpi
