#include "nn/moe.h"

#include <ATen/ATen.h>

#include <limits>
#include <numeric>
#include <span>

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

/// The rows that ranks exchange, which the host has to know: what each rank sends to the experts of
/// each.
struct ExpertTraffic {
  std::vector<std::int64_t> send_rows, receive_rows;  // by rank
  at::Tensor received;  // int64 [ranks, H]: rows from a rank by expert
  std::int64_t num_received = 0;
};

/// Sums of consecutive pieces of `values`.
std::vector<std::int64_t> sums_of(std::span<const std::int64_t> values,
                                  std::span<const std::int64_t> sizes) {
  std::vector<std::int64_t> sums;
  for (const auto size : sizes) {
    const auto piece = values.first(static_cast<std::size_t>(size));
    sums.push_back(std::accumulate(piece.begin(), piece.end(), std::int64_t{0}));
    values = values.subspan(static_cast<std::size_t>(size));
  }
  return sums;
}

ExpertTraffic agree_on_traffic(const at::Tensor& counts, std::int64_t num_experts,
                               parallel::Communicator& ranks) {
  const auto held = parallel::shard_of(num_experts, ranks).size;
  std::vector<std::int64_t> send_counts;
  for (int rank = 0; rank < ranks.size(); ++rank)
    send_counts.push_back(parallel::shard_of(num_experts, rank, ranks.size()).size);
  const std::vector<std::int64_t> receive_counts(static_cast<std::size_t>(ranks.size()), held);
  auto received = at::empty({ranks.size() * held}, counts.options());
  ranks.all_to_all(received, counts, receive_counts, send_counts, "expert loads").wait();
  const auto all = on_host(at::cat({counts, received}));  // the only wait for the device
  const auto split = static_cast<std::size_t>(num_experts);
  ExpertTraffic traffic{sums_of(std::span(all).first(split), send_counts),
                        sums_of(std::span(all).subspan(split), receive_counts),
                        received.view({ranks.size(), held})};
  for (const auto rows : traffic.receive_rows) traffic.num_received += rows;
  return traffic;
}

/// expert_products of all ranks: x [N, D] sorted by expert, counts [E] -> [N, D].
at::Tensor experts_of_all_ranks(const at::Tensor& x, const at::Tensor& counts,
                                const at::Tensor& gate_up, const at::Tensor& down,
                                parallel::Communicator& ranks) {
  const auto traffic = agree_on_traffic(counts, counts.size(0), ranks);
  const auto arrived =
      parallel::exchange_rows(x, traffic.send_rows, traffic.receive_rows, ranks, "to experts");
  // Rows stand by rank, and within a rank by expert: regroup them by expert.
  const auto held = traffic.received.size(1);
  const auto numbers = at::arange(held, counts.options()).repeat({ranks.size()});
  const auto experts =
      numbers.repeat_interleave(traffic.received.flatten(), std::nullopt, traffic.num_received);
  const auto order = experts.argsort(/*stable=*/true, 0, false);
  const auto outputs =
      kernels::expert_products(arrived.index_select(0, order), experts.index_select(0, order),
                               traffic.received.sum(0), gate_up, down);
  return parallel::exchange_rows(outputs.index_select(0, inverse_order(order)),
                                 traffic.receive_rows, traffic.send_rows, ranks, "from experts");
}

}  // namespace

Routing route(const at::Tensor& x, const at::Tensor& router, const at::Tensor& balance_bias,
              const RoutingOptions& options, const at::Tensor& given) {
  const auto dtype = kernels::accumulator_dtype(x.scalar_type());
  const auto scores = at::linear(x.to(dtype), router.to(dtype)).sigmoid();
  at::Tensor experts, own;
  {
    const at::NoGradGuard no_grad;
    const auto ranked = only_best_groups(scores + balance_bias.to(dtype), options);
    experts = own = std::get<1>(ranked.topk(options.top_k, -1));
    if (given.defined()) experts = at::where(given.ge(0), given.to(at::kLong), own);
  }
  auto weights = scores.gather(1, experts);
  constexpr double kTiny = 1e-20;  // as transformers
  if (options.normalize) weights = weights / (weights.sum(-1, /*keepdim=*/true) + kTiny);
  return {experts, weights * options.scaling, own};
}

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
                          parallel::Communicator& ranks) {
  const auto visits = sort_by_expert(routing, num_experts);
  const auto sorted = x.index_select(0, visits.tokens);
  const auto outputs = ranks.size() > 1
                           ? experts_of_all_ranks(sorted, visits.counts, gate_up, down, ranks)
                           : kernels::expert_products(
                                 sorted, routing.experts.flatten().index_select(0, visits.order),
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
