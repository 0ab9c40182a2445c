#include "nn/moe.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <numeric>

#include "kernels/expert_products.h"
#include "parallel/model_axes.h"
#include "parallel/tensor_parallel.h"

namespace r1::nn {
namespace {

std::vector<std::int64_t> on_host(const at::Tensor& counts) {
  const auto host = counts.cpu();
  return {host.const_data_ptr<std::int64_t>(), host.const_data_ptr<std::int64_t>() + host.numel()};
}

/// The rank that holds each expert (parallel::shard_of).
at::Tensor ranks_of(const at::Tensor& experts, std::int64_t num_experts, std::int64_t num_ranks) {
  return ((experts + 1) * num_ranks - 1).floor_divide(num_experts);
}

using Counts = std::vector<std::int64_t>;

std::int64_t sum_of(const Counts& numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), std::int64_t{0});
}

/// The rows that ranks send each other on one way, by rank.
struct RowCounts {
  Counts sent, received;
};

/// A row is a token on its way, whatever the number of experts that it visits where it arrives.
struct ExpertTraffic {
  RowCounts across;      // to the ranks of other nodes; empty: rows go straight to their rank
  RowCounts to_holders;  // to the ranks that hold the experts
  std::int64_t num_visits = 0;  // of this rank's experts
};

/// Sends row r of `sent`, int64 [ranks, ...], to rank r; returns those that arrive, by rank.
at::Tensor exchange_counts(const at::Tensor& sent, parallel::Communicator& ranks) {
  const std::vector<std::int64_t> one_each(static_cast<std::size_t>(ranks.size()), 1);
  auto received = at::empty_like(sent);
  ranks.all_to_all(received, sent, one_each, one_each, "expert loads").wait();
  return received;
}

/// `counts`: int64 [ranks, 2], this rank's rows and visits for each rank; `node_rows`: int64
/// [nodes], its rows for each node. The host waits once.
ExpertTraffic agree_on_traffic(const at::Tensor& counts, const at::Tensor& node_rows,
                               const parallel::NodeRanks& ranks) {
  const auto columns = [](const at::Tensor& of_ranks, std::int64_t column) {
    return of_ranks.select(1, column).contiguous();
  };
  std::vector<at::Tensor> lists;  // of rows: sent and received by way; the visits last
  if (ranks.several_nodes()) {
    // A rank learns what the others of its number in their nodes send through it.
    const auto sent = at::cat({node_rows.unsqueeze(1), counts.view({node_rows.size(0), -1})}, 1);
    const auto received = exchange_counts(sent, *ranks.across);
    const auto forwarded =
        received.narrow(1, 1, received.size(1) - 1).sum(0).view({-1, 2}).contiguous();
    const auto arriving = exchange_counts(forwarded, *ranks.within);
    lists = {node_rows, columns(received, 0), columns(forwarded, 0), columns(arriving, 0),
             columns(arriving, 1)};
  } else {
    const auto arriving = exchange_counts(counts, ranks.all);
    lists = {columns(counts, 0), columns(arriving, 0), columns(arriving, 1)};
  }
  auto all = on_host(at::cat(lists));  // the only wait for the device
  auto next = all.cbegin();
  std::vector<Counts> on_this_host;
  for (const auto& list : lists) {
    on_this_host.emplace_back(next, next + list.numel());
    next += list.numel();
  }
  ExpertTraffic traffic;
  traffic.num_visits = sum_of(on_this_host.back());
  on_this_host.pop_back();
  if (on_this_host.size() == 4) traffic.across = {on_this_host[0], on_this_host[1]};
  traffic.to_holders = {*(on_this_host.end() - 2), on_this_host.back()};
  return traffic;
}

/// Rows with the experts that each shall still visit.
struct Visitors {
  at::Tensor x;                  // [M, D]
  at::Tensor experts;            // int64 [M, k]; num_experts: no visit
  at::Tensor weights;            // [M, k]
  std::int64_t num_experts = 0;  // of all ranks
};

/// 1 where a row visits some expert of the target: int64 [M, targets]. `targets_of`: int64 [M, k],
/// num_targets for none.
at::Tensor visits_targets(const at::Tensor& targets_of, std::int64_t num_targets) {
  return at::zeros({targets_of.size(0), num_targets + 1}, targets_of.options())
      .scatter_(1, targets_of, 1)
      .narrow(1, 0, num_targets);
}

using WeightedSums = std::function<at::Tensor(const Visitors&)>;

/// Sends each row once to each of `ranks` where it visits experts, which `targets_of` [M, k] names,
/// and adds up the rows that `there` makes of the arrivals and that come back -> [M, D] in x's
/// dtype. `meanwhile` is called while the rows travel.
at::Tensor visit(const Visitors& visitors, const at::Tensor& targets_of, const RowCounts& counts,
                 parallel::Communicator& ranks, const WeightedSums& there,
                 const std::function<void()>& meanwhile = {}) {
  const auto num_rows = visitors.x.size(0), top_k = visitors.experts.size(1);
  // By rank, and within a rank by row.
  const auto order = visits_targets(targets_of, ranks.size())
                         .t()
                         .flatten()
                         .argsort(/*stable=*/true, 0, /*descending=*/true)
                         .narrow(0, 0, sum_of(counts.sent));
  const auto rows = order.remainder(std::max<std::int64_t>(1, num_rows)),
             targets = order.floor_divide(std::max<std::int64_t>(1, num_rows));
  // Weights and numbers of experts travel together: a number is exact in fp32.
  const auto is_there = targets_of.index_select(0, rows) == targets.unsqueeze(1);  // [S, k]
  const auto weights = visitors.weights.index_select(0, rows) * is_there;
  const auto num_experts = visitors.num_experts;
  const auto numbers = visitors.experts.index_select(0, rows)
                           .masked_fill(is_there.logical_not(), num_experts)
                           .to(weights.scalar_type());
  const auto choices = parallel::exchange_rows(at::cat({weights, numbers}, 1), counts.sent,
                                               counts.received, ranks, "weights of experts");
  parallel::RowsOnTheirWay on_their_way(visitors.x.index_select(0, rows), counts.sent,
                                        counts.received, ranks, "to experts");
  if (meanwhile) meanwhile();
  const auto arrived = on_their_way.wait();
  const auto sums = there({arrived, choices.narrow(1, top_k, top_k).detach().to(at::kLong),
                           choices.narrow(1, 0, top_k), num_experts});
  const auto returned =
      parallel::exchange_rows(sums, counts.received, counts.sent, ranks, "from experts")
          .to(weights.scalar_type());
  return at::zeros(visitors.x.sizes(), returned.options().requires_grad(false))
      .index_add(0, rows, returned)
      .to(visitors.x.scalar_type());
}

/// The weighted sums of a rank's experts, for rows of other ranks.
struct HeldExperts {
  const at::Tensor& gate_up;
  const at::Tensor& down;
  parallel::Shard shard;

  /// -> [M, D] in x's dtype; `num_visits` entries of the visitors name experts, all of this rank.
  at::Tensor operator()(const Visitors& visitors, std::int64_t num_visits) const {
    const auto& [x, experts, weights, num_experts] = visitors;
    const auto flat = experts.flatten();
    const auto order = flat.argsort(/*stable=*/true, 0, false).narrow(0, 0, num_visits);
    const auto visited = flat.index_select(0, order) - shard.begin;
    const auto rows = order.floor_divide(experts.size(1));
    const auto counts =
        at::zeros({shard.size}, flat.options()).scatter_add_(0, visited, at::ones_like(visited));
    const auto outputs =
        kernels::expert_products(x.index_select(0, rows), visited, counts, gate_up, down);
    const auto weighted = outputs * weights.flatten().index_select(0, order).unsqueeze(1);
    return at::zeros(x.sizes(), weighted.options().requires_grad(false))
        .index_add(0, rows, weighted)
        .to(x.scalar_type());
  }
};

/// routed_experts over several ranks. On several nodes a row goes once to each node where it visits
/// experts, to the rank there with this rank's number within its node, which passes it on.
at::Tensor experts_of_all_ranks(const Visitors& visitors, const HeldExperts& held,
                                const parallel::NodeRanks& ranks,
                                const std::function<void()>& meanwhile) {
  const auto num_ranks = ranks.all.size(), num_within = ranks.num_within();
  const auto holders_of = [&](const at::Tensor& experts) {  // num_experts -> num_ranks
    return ranks_of(experts, held.shard.total, num_ranks).clamp_max_(num_ranks);
  };
  const auto holders = holders_of(visitors.experts);
  const auto visits = at::zeros({num_ranks}, holders.options())
                          .scatter_add_(0, holders.flatten(), at::ones_like(holders).flatten());
  const auto nodes = holders.floor_divide(num_within);
  const auto traffic =
      agree_on_traffic(at::stack({visits_targets(holders, num_ranks).sum(0), visits}, 1),
                       visits_targets(nodes, num_ranks / num_within).sum(0), ranks);
  const WeightedSums at_holder = [&](const Visitors& arrived) {
    return held(arrived, traffic.num_visits);
  };
  if (!ranks.several_nodes())
    return visit(visitors, holders, traffic.to_holders, ranks.all, at_holder, meanwhile);
  const auto first_here = ranks.all.rank() - ranks.within->rank();
  return visit(
      visitors, nodes, traffic.across, *ranks.across,
      [&](const Visitors& arrived) {
        const auto here = holders_of(arrived.experts) - first_here;
        return visit(arrived, here.clamp_max_(num_within), traffic.to_holders, *ranks.within,
                     at_holder);
      },
      meanwhile);
}

}  // namespace

at::Tensor routing_flips(const Routing& routing, const at::Tensor& given,
                         const at::Tensor& token_uses) {
  const auto wide = given.to(at::kLong);
  const auto is_given = wide.ge(0);
  const auto uses =
      token_uses.defined() ? token_uses.unsqueeze(1) : at::ones({1, 1}, wide.options());
  const auto count = [&](const at::Tensor& which) { return (which * uses).sum(); };
  const auto lacks = [&](const at::Tensor& experts) {
    return wide.unsqueeze(2).eq(experts.unsqueeze(1)).any(2).logical_not().logical_and(is_given);
  };
  return at::stack({count(is_given), count(lacks(routing.experts)), count(lacks(routing.own))});
}

at::Tensor routed_experts(const at::Tensor& x, const Routing& routing, const at::Tensor& gate_up,
                          const at::Tensor& down, std::int64_t num_experts,
                          const parallel::NodeRanks& ranks,
                          const std::function<void()>& meanwhile) {
  if (ranks.all.size() > 1)
    return experts_of_all_ranks({x, routing.experts, routing.weights, num_experts},
                                {gate_up, down, parallel::shard_of(num_experts, ranks.all)}, ranks,
                                meanwhile);
  if (meanwhile) meanwhile();
  return kernels::expert_sums(x, routing.experts, routing.weights, gate_up, down);
}

at::Tensor expert_load(const Routing& routing, std::int64_t num_experts,
                       const at::Tensor& token_uses) {
  const auto visits = routing.experts.flatten();
  const auto counts = token_uses.defined()
                          ? token_uses.unsqueeze(1).expand_as(routing.experts).flatten()
                          : at::ones_like(visits);
  return at::zeros({num_experts}, visits.options()).scatter_add_(0, visits, counts);
}

void balance_bias(at::Tensor bias, const at::Tensor& load, double rate) {
  const at::NoGradGuard no_grad;
  const auto wide = load.to(bias.device(), at::kDouble);
  bias.add_((wide.mean() - wide).sign().to(bias.scalar_type()), rate);
}

}  // namespace r1::nn
