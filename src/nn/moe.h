#pragma once
// Mixture of experts: which experts a token visits, their products, and the balance of their load.
//
// Shape letters: T tokens, D hidden size, E experts, H of them held by this rank, k experts a token
// visits, I width of an expert.
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "parallel/communicator.h"

namespace r1::nn {

/// Group-limited routing: the num_groups groups of E / num_groups experts are ranked by their two
/// best experts, and the token chooses within the top_groups best.
struct RoutingOptions {
  std::int64_t top_k = 1;
  std::int64_t num_groups = 1;
  std::int64_t top_groups = 1;
  bool normalize = true;  // a token's weights are divided by their sum
  double scaling = 1.0;   // factor on the weights
};

struct Routing {
  at::Tensor experts;  // int64 [T, k], best first
  at::Tensor weights;  // [T, k], fp32 (fp64 for fp64 models)
};

/// Sigmoid scores of x [T, D] and router [E, D] in fp32; `balance_bias` [E] is added to choose, not
/// to weigh. The weights are differentiable.
/// Reference: DeepSeek-V3, arXiv 2412.19437, equations 12 to 16.
Routing route(const at::Tensor& x, const at::Tensor& router, const at::Tensor& balance_bias,
              const RoutingOptions& options);

/// sum over a token's experts e of weight_e * down_e(silu(gate_e(x)) * up_e(x)). gate_up
/// [H * 2I, D] (an expert's gate before its up), down [H * D, I] -> [T, D]. Tokens are sorted by
/// expert. On GPUs in bf16 two grouped products serve all experts, without waiting for the device;
/// otherwise a product per expert that has tokens. Differentiable.
/// The E experts are split over `ranks` as parallel::shard_of says: tokens travel to the ranks of
/// their experts and the results back; which token goes where is known after routing alone, so that
/// the host waits for the counts. Collective over: ranks, with any number of tokens on each.
at::Tensor routed_experts(const at::Tensor& x, const Routing& routing, const at::Tensor& gate_up,
                          const at::Tensor& down, std::int64_t num_experts,
                          parallel::Communicator& ranks);

/// Tokens of each expert: int64 [E]. token_uses, int64 [T]: as how many a token counts; undefined:
/// one.
at::Tensor expert_load(const Routing& routing, std::int64_t num_experts,
                       const at::Tensor& token_uses = {});

/// bias += rate * sign(mean load - load), in place: balance without an auxiliary loss. load [E].
/// Reference: Wang et al., arXiv 2408.15664, algorithm 1.
void balance_bias(at::Tensor bias, const at::Tensor& load, double rate);

}  // namespace r1::nn
