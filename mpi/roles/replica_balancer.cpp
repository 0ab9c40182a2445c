#include "roles/replica_balancer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>

#include "generation/balance_plan.h"
#include "roles/rollout_messages.h"

namespace boost::serialization {

template <class Archive>
void serialize(Archive& archive, r1::generation::SampleOrigin& origin, unsigned) {
  archive& origin.engine& origin.request& origin.sample& origin.group;
}

template <class Archive>
void serialize(Archive& archive, r1::generation::MovedSample& sample, unsigned) {
  archive& sample.origin& sample.seed& sample.prompt_ids& sample.completion;
}

template <class Archive>
void serialize(Archive& archive, r1::generation::FinishedSample& sample, unsigned) {
  archive& sample.origin& sample.completion;
}

}  // namespace boost::serialization

BOOST_CLASS_IMPLEMENTATION(r1::generation::SampleOrigin, boost::serialization::object_serializable)
BOOST_CLASS_TRACKING(r1::generation::SampleOrigin, boost::serialization::track_never)
BOOST_CLASS_IMPLEMENTATION(r1::generation::MovedSample, boost::serialization::object_serializable)
BOOST_CLASS_TRACKING(r1::generation::MovedSample, boost::serialization::track_never)
BOOST_CLASS_IMPLEMENTATION(r1::generation::FinishedSample,
                           boost::serialization::object_serializable)
BOOST_CLASS_TRACKING(r1::generation::FinishedSample, boost::serialization::track_never)

namespace r1::mpi {
namespace {

using SampleKey = std::array<std::int64_t, 3>;

SampleKey key(const generation::SampleOrigin& origin) {
  return {origin.engine, origin.request, origin.sample};
}

}  // namespace

ReplicaBalancer::ReplicaBalancer(const Run& run, const std::string& role)
    : run_(run),
      replicas_(run.groups().data(role)),
      steps_before_(static_cast<std::size_t>(replicas_.size()), 0) {
  const auto& assignment = run.groups().layout().role(role);
  const auto place = run.groups().place(role);
  const auto mine = assignment.replica(place.replica);
  const auto part = std::find(mine.begin(), mine.end(), run.world().rank()) - mine.begin();
  for (const auto& ranks : assignment.replicas())
    peers_.push_back(ranks[static_cast<std::size_t>(part)]);
}

ReplicaBalancer::ReplicaBalancer(const Run& run, const std::string& role,
                                 std::span<const data::Prompt> prompts, std::int64_t samples)
    : ReplicaBalancer(run, role) {
  for (const auto& prompt : prompts)
    longest_prompt_ = std::max(longest_prompt_, static_cast<std::int64_t>(prompt.token_ids.size()));
  const auto all = static_cast<std::int64_t>(prompts.size()) * samples;
  most_samples_ = (all + replicas_.size() - 1) / replicas_.size();
}

ReplicaBalancer::ReplicaBalancer(const Run& run, const std::string& role, const OpenGroups& groups,
                                 std::int64_t step)
    : ReplicaBalancer(run, role) {
  window_ = groups.window();
  counts_.resize(static_cast<std::size_t>(window_->size()), 0);
  std::int64_t longest = 0;
  for (const auto& group : groups.mine()) {
    counts_.at(static_cast<std::size_t>(groups.index(group, step))) = 1 + group.num_finished();
    longest = std::max(longest, static_cast<std::int64_t>(group.prompt.token_ids.size()));
  }
  auto most = at::tensor({longest}, at::kLong);
  replicas_.all_reduce(most, parallel::ReduceOp::Max, "prompts of the open groups").wait();
  longest_prompt_ = most.item<std::int64_t>();
  most_samples_ = (groups.most_samples() + replicas_.size() - 1) / replicas_.size();
}

std::int64_t ReplicaBalancer::engine() const {
  return replicas_.rank();
}

std::int64_t ReplicaBalancer::interval() const {
  return run_.config().engine.balance_every;
}

std::vector<generation::EngineLoad> ReplicaBalancer::gather(const generation::EngineLoad& mine) {
  const auto all = at::empty({replicas_.size() * 3}, at::kLong);
  replicas_
      .all_gather(all, at::tensor({mine.waiting, mine.running, mine.decode_steps}, at::kLong),
                  "loads of the sampling replicas")
      .wait();
  std::vector<generation::EngineLoad> loads;
  const auto* row = all.const_data_ptr<std::int64_t>();
  for (int replica = 0; replica < replicas_.size(); ++replica, row += 3)
    loads.push_back({row[0], row[1], row[2]});
  return loads;
}

/// All replicas sum what they know, and choose alike.
bool ReplicaBalancer::has_enough(generation::SamplePool& pool) {
  if (!window_) return false;
  for (const auto group : pool.take_finished()) ++counts_[static_cast<std::size_t>(group)];
  auto all = at::tensor(counts_, at::kLong);
  replicas_.all_reduce(all, parallel::ReduceOp::Sum, "finished samples of the open groups").wait();
  all.sub_(1);
  chosen_ = generation::choose_groups(
      {all.const_data_ptr<std::int64_t>(), static_cast<std::size_t>(all.numel())}, *window_);
  return !chosen_.empty();
}

bool ReplicaBalancer::balance(generation::SamplePool& pool) {
  const auto loads = gather(pool.load());
  std::int64_t most_steps = 0, unfinished = 0;
  for (std::size_t replica = 0; replica < loads.size(); ++replica) {
    most_steps = std::max(most_steps, loads[replica].decode_steps - steps_before_[replica]);
    steps_before_[replica] = loads[replica].decode_steps;
    unfinished += loads[replica].unfinished();
  }
  elapsed_steps_ += most_steps;
  if (has_enough(pool)) return false;
  const auto me = static_cast<std::size_t>(replicas_.rank());
  const auto moves = generation::plan_moves(loads);
  Round round;
  for (const auto& move : moves) {
    num_moved_ += move.waiting + move.running;
    if (move.from != me) continue;
    run_.exchange().send(peers_[move.to], kMovedSamples, pool.give(move.waiting, move.running));
    round.receivers.push_back(peers_[move.to]);
  }
  for (const auto& move : moves) {
    if (move.to != me) continue;
    auto samples = run_.exchange().receive<std::vector<generation::MovedSample>>(
        peers_[move.from], kMovedSamples, "samples to finish");
    round.arrivals.push_back({peers_[move.from], {}});
    for (const auto& sample : samples) round.arrivals.back().samples.push_back(key(sample.origin));
    pool.take(std::move(samples));
  }
  rounds_.push_back(std::move(round));
  return unfinished > 0;
}

/// Undoes the moves, the last one first: each receiver gives back what came with a move, finished
/// by itself or returned to it before. So everybody knows what to expect from whom.
std::vector<generation::FinishedSample> ReplicaBalancer::settle(
    std::vector<generation::FinishedSample> guests) {
  std::map<SampleKey, generation::FinishedSample> finished;
  for (auto& guest : guests) finished[key(guest.origin)] = std::move(guest);
  for (; !rounds_.empty(); rounds_.pop_back()) {
    for (const auto& arrival : rounds_.back().arrivals) {
      std::vector<generation::FinishedSample> back;
      for (const auto& sample : arrival.samples)
        if (auto found = finished.extract(sample)) back.push_back(std::move(found.mapped()));
      run_.exchange().send(arrival.from, kFinishedSamples, back);
    }
    for (const int receiver : rounds_.back().receivers)
      for (auto& sample : run_.exchange().receive<std::vector<generation::FinishedSample>>(
               receiver, kFinishedSamples, "samples that others finished"))
        finished[key(sample.origin)] = std::move(sample);
  }
  std::vector<generation::FinishedSample> own;
  for (auto& [origin, sample] : finished) own.push_back(std::move(sample));
  return own;
}

}  // namespace r1::mpi
