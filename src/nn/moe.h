#pragma once
// Mixture of experts (MoE): the visits of tokens to their experts on all ranks, and the balance of
// the experts' load.
//
// Shape letters: T tokens, D hidden size, E experts, H of the E experts held by this rank, k
// experts per token, I intermediate width of an expert.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "kernels/routing.h"
#include "parallel/node_ranks.h"

namespace r1::nn {

using kernels::Routing;

/// Sum over a token's experts e of weight_e * down_e(silu(gate_e(x)) * up_e(x)). gate_up [H * 2I,
/// D], with the gate of an expert before its up projection, down [H * D, I] -> [T, D]. Tokens are
/// sorted by expert. On GPUs in bf16, two grouped matrix products compute all experts without
/// waiting for the device; otherwise each expert with tokens takes products of its own. One rank
/// takes kernels::expert_sums. Differentiable. The E experts are split over `ranks` by
/// parallel::shard_of: a token's row is sent once to each rank that holds some of the token's
/// experts, and the rank sends back one row, the weighted sum of these experts in x's dtype. Where
/// `ranks` names nodes, the row is sent once to each node that holds some of the experts, and the
/// node's rank that receives the row passes it on within the node; a rank of the node sends back
/// one row (arXiv 2412.19437, section 3.2.2). `meanwhile` is called once, while the rows travel.
/// The host waits once for the counts of rows, because only the routing determines them. Collective
/// over: ranks, with any number of tokens on each.
at::Tensor routed_experts(const at::Tensor& x, const Routing& routing, const at::Tensor& gate_up,
                          const at::Tensor& down, std::int64_t num_experts,
                          const parallel::NodeRanks& ranks,
                          const std::function<void()>& meanwhile = {});

/// Of the given experts [T, k] (integers; -1: none): how many were given, how many of these a token
/// did not visit, and how many its router would not have chosen. int64 [3], token t counts
/// token_uses[t] times; undefined: once.
at::Tensor routing_flips(const Routing& routing, const at::Tensor& given,
                         const at::Tensor& token_uses = {});

/// Number of tokens of each expert: int64 [E]. token_uses, int64 [T]: the weight of each token in
/// the count; undefined: one each.
at::Tensor expert_load(const Routing& routing, std::int64_t num_experts,
                       const at::Tensor& token_uses = {});

/// bias += rate * sign(mean load - load), in place: load balancing without an auxiliary loss. load:
/// [E]. Reference: Wang et al., arXiv 2408.15664, algorithm 1.
void balance_bias(at::Tensor bias, const at::Tensor& load, double rate);

}  // namespace r1::nn
