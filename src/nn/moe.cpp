#include "nn/moe.h"

#include <ATen/ATen.h>

#include <limits>
#include <numeric>

#include "kernels/cpu_dispatch.h"
#include "kernels/expert_products.h"
#include "parallel/model_axes.h"
#include "parallel/tensor_parallel.h"

namespace r1::nn {
namespace {

at::Tensor only_best_groups(const at::Tensor& scores, const RoutingOptions& options) {
  if (options.top_groups >= options.num_groups) return scores;
  const auto tokens = scores.size(0), size = scores.size(1) / options.num_groups;
  const auto grouped = scores.view({tokens, options.num_groups, size});
  const auto ranks = std::get<0>(grouped.topk(std::min<std::int64_t>(2, size), -1)).sum(-1);
  const auto best = std::get<1>(ranks.topk(options.top_groups, -1));
  const auto excluded = at::ones_like(ranks, at::kBool).scatter_(1, best, 0);
  return grouped.masked_fill(excluded.unsqueeze(2), -std::numeric_limits<double>::infinity())
      .view_as(scores);
}

/// The T * k visits in the order of their experts.
struct SortedVisits {
  at::Tensor order;   // visit -> number in [T, k]
  at::Tensor tokens;  // visit -> token
  at::Tensor counts;  // [E]
};

SortedVisits sort_by_expert(const Routing& routing, std::int64_t num_experts) {
  const auto order = routing.experts.flatten().argsort(/*stable=*/true, 0, false);
  return {order, order.floor_divide(routing.experts.size(1)), expert_load(routing, num_experts)};
}

std::vector<std::int64_t> on_host(const at::Tensor& counts) {
  const auto host = counts.cpu();
  return {host.const_data_ptr<std::int64_t>(), host.const_data_ptr<std::int64_t>() + host.numel()};
}

/// Where each row stands after `order` put them there.
at::Tensor inverse_order(const at::Tensor& order) {
  return at::empty_like(order).scatter_(0, order, at::arange(order.size(0), order.options()));
}

/// The rank that holds each expert (parallel::shard_of).
at::Tensor ranks_of(const at::Tensor& experts, std::int64_t num_experts, std::int64_t num_ranks) {
  return ((experts + 1) * num_ranks - 1).floor_divide(num_experts);
}

/// What ranks send each other. A row is a token on its way to a rank, whatever the number of the
/// rank's experts that it visits there.
struct ExpertTraffic {
  std::vector<std::int64_t> send_rows, receive_rows;  // by rank
  std::int64_t num_visits = 0;                        // of this rank's experts
};

/// `sent`: int64 [ranks, 2], rows and visits for each rank.
ExpertTraffic agree_on_traffic(const at::Tensor& sent, parallel::Communicator& ranks) {
  const auto size = static_cast<std::size_t>(ranks.size());
  const std::vector<std::int64_t> one_each(size, 1);
  auto received = at::empty_like(sent);
  ranks.all_to_all(received, sent, one_each, one_each, "expert loads").wait();
  const auto all = on_host(at::stack({sent, received}).flatten());  // the only wait for the device
  ExpertTraffic traffic;
  for (std::size_t rank = 0; rank < size; ++rank) {
    traffic.send_rows.push_back(all[2 * rank]);
    traffic.receive_rows.push_back(all[2 * (size + rank)]);
    traffic.num_visits += all[2 * (size + rank) + 1];
  }
  return traffic;
}

std::int64_t sum_of(const std::vector<std::int64_t>& numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), std::int64_t{0});
}

/// The weighted sums of a rank's experts, for rows of other ranks.
struct HeldExperts {
  const at::Tensor& gate_up;
  const at::Tensor& down;
  parallel::Shard shard;

  /// x [M, D]; experts int64 [M, k], shard.total where a row visits an expert of another rank;
  /// weights [M, k]; `num_visits` entries name experts of this rank -> [M, D] in x's dtype.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& experts, const at::Tensor& weights,
                        std::int64_t num_visits) const {
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

/// routed_experts over several ranks: a token's row goes once to each rank that holds some of its
/// experts, which sends back the weighted sum of them.
at::Tensor experts_of_all_ranks(const at::Tensor& x, const Routing& routing,
                                const HeldExperts& held, parallel::Communicator& ranks,
                                const std::function<void()>& meanwhile) {
  const auto num_tokens = x.size(0), top_k = routing.experts.size(1);
  const auto holders = ranks_of(routing.experts, held.shard.total, ranks.size());  // [T, k]
  const auto visits = at::zeros({ranks.size()}, holders.options())
                          .scatter_add_(0, holders.flatten(), at::ones_like(holders).flatten());
  const auto goes =
      at::zeros({num_tokens, ranks.size()}, holders.options()).scatter_(1, holders, 1);  // 0 or 1
  const auto traffic = agree_on_traffic(at::stack({goes.sum(0), visits}, 1), ranks);
  // By rank, and within a rank by token.
  const auto order = goes.t()
                         .flatten()
                         .argsort(/*stable=*/true, 0, /*descending=*/true)
                         .narrow(0, 0, sum_of(traffic.send_rows));
  const auto tokens = order.remainder(std::max<std::int64_t>(1, num_tokens)),
             targets = order.floor_divide(std::max<std::int64_t>(1, num_tokens));
  // Weights and numbers of experts travel together: a number is exact in fp32.
  const auto is_there = holders.index_select(0, tokens) == targets.unsqueeze(1);  // [S, k]
  const auto weights = routing.weights.index_select(0, tokens) * is_there;
  const auto numbers = routing.experts.index_select(0, tokens)
                           .masked_fill(is_there.logical_not(), held.shard.total)
                           .to(weights.scalar_type());
  const auto choices = parallel::exchange_rows(at::cat({weights, numbers}, 1), traffic.send_rows,
                                               traffic.receive_rows, ranks, "weights of experts");
  parallel::RowsOnTheirWay rows(x.index_select(0, tokens), traffic.send_rows, traffic.receive_rows,
                                ranks, "to experts");
  if (meanwhile) meanwhile();
  const auto arrived = rows.wait();
  const auto sums = held(arrived, choices.narrow(1, top_k, top_k).detach().to(at::kLong),
                         choices.narrow(1, 0, top_k), traffic.num_visits);
  const auto returned =
      parallel::exchange_rows(sums, traffic.receive_rows, traffic.send_rows, ranks, "from experts")
          .to(weights.scalar_type());
  return at::zeros(x.sizes(), returned.options().requires_grad(false))
      .index_add(0, tokens, returned)
      .to(x.scalar_type());
}

}  // namespace

Routing route(const at::Tensor& x, const at::Tensor& router, const at::Tensor& balance_bias,
              const RoutingOptions& options) {
  const auto dtype = kernels::accumulator_dtype(x.scalar_type());
  const auto scores = at::linear(x.to(dtype), router.to(dtype)).sigmoid();
  at::Tensor experts;
  {
    const at::NoGradGuard no_grad;
    const auto ranked = only_best_groups(scores + balance_bias.to(dtype), options);
    experts = std::get<1>(ranked.topk(options.top_k, -1));
  }
  auto weights = scores.gather(1, experts);
  constexpr double kTiny = 1e-20;  // as transformers
  if (options.normalize) weights = weights / (weights.sum(-1, /*keepdim=*/true) + kTiny);
  return {experts, weights * options.scaling};
}

at::Tensor routed_experts(const at::Tensor& x, const Routing& routing, const at::Tensor& gate_up,
                          const at::Tensor& down, std::int64_t num_experts,
                          parallel::Communicator& ranks, const std::function<void()>& meanwhile) {
  if (ranks.size() > 1)
    return experts_of_all_ranks(x, routing, {gate_up, down, parallel::shard_of(num_experts, ranks)},
                                ranks, meanwhile);
  if (meanwhile) meanwhile();
  const auto visits = sort_by_expert(routing, num_experts);
  const auto outputs = kernels::expert_products(
      x.index_select(0, visits.tokens), routing.experts.flatten().index_select(0, visits.order),
      visits.counts, gate_up, down);
  const auto of_token = outputs.index_select(0, inverse_order(visits.order))
                            .view({x.size(0), routing.experts.size(1), x.size(1)});
  return (of_token * routing.weights.unsqueeze(2)).sum(1).to(x.scalar_type());
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
