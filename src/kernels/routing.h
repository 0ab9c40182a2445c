#pragma once
// The routing of tokens to the experts of a mixture of experts (MoE).
//
// Shape letters: T tokens, D hidden size, E experts, k experts per token.
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace r1::kernels {

/// Group-limited routing: the num_groups groups of E / num_groups experts are ranked by the sum of
/// their two best scores, and a token chooses its experts within the top_groups best groups.
struct RoutingOptions {
  std::int64_t top_k = 1;
  std::int64_t num_groups = 1;
  std::int64_t top_groups = 1;
  bool normalize = true;  // divide a token's weights by their sum
  double scaling = 1.0;   // factor of the weights
};

struct Routing {
  at::Tensor experts;  // int64 [T, k], best first, or as they were given
  at::Tensor weights;  // [T, k], fp32 (fp64 for fp64 models)
  /// int64 [T, k]: the router's choice; `experts` unless experts were given.
  at::Tensor own = {};
};

/// Computes sigmoid scores of x [T, D] and router [E, D] in fp32. `balance_bias` [E] is added to
/// the scores for the choice of experts, but not for the weights. The weights are differentiable.
/// `given`, integers [T, k]: experts that replace the router's choice, with weights from the scores
/// of x (router replay); -1: the router chooses; undefined: it chooses all. Two CUDA kernels for
/// fp32 and bf16 on GPUs where no gradients are recorded and nothing is given, else the plain form.
/// Reference: DeepSeek-V3, arXiv 2412.19437, equations 12 to 16; R3, arXiv 2510.11370.
Routing route(const at::Tensor& x, const at::Tensor& router, const at::Tensor& balance_bias,
              const RoutingOptions& options, const at::Tensor& given = {});

/// The plain form, the reference of the CUDA kernels.
Routing route_reference(const at::Tensor& x, const at::Tensor& router,
                        const at::Tensor& balance_bias, const RoutingOptions& options,
                        const at::Tensor& given = {});

}  // namespace r1::kernels
