#include "kernels/routing.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <limits>

#include "kernels/cpu_dispatch.h"
#include "kernels/cuda_library.h"

namespace r1::kernels {
namespace {

// Limits of the CUDA kernels (CudaExpertChoice).
constexpr std::int64_t kMostRouted = 512, kMostGroups = 32, kMostChosen = 32, kHiddenStep = 8;

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

bool takes_cuda_kernels(const at::Tensor& x, const at::Tensor& router, const at::Tensor& bias,
                        const RoutingOptions& options) {
  return !at::GradMode::is_enabled() && cuda_kernels_for(x) != nullptr &&
         router.scalar_type() == x.scalar_type() && is_packed(router) &&
         bias.scalar_type() == at::kFloat && is_packed(bias) && x.size(1) % kHiddenStep == 0 &&
         router.size(0) <= kMostRouted && options.num_groups <= kMostGroups &&
         options.top_k <= kMostChosen;
}

Routing route_on_gpu(const at::Tensor& given_x, const at::Tensor& router, const at::Tensor& bias,
                     const RoutingOptions& options) {
  const auto x = packed(given_x);
  const auto rows = x.size(0), num_experts = router.size(0);
  const auto floats = x.options().dtype(at::kFloat);
  auto logits = at::empty({rows, num_experts}, floats);
  auto experts = at::empty({rows, options.top_k}, x.options().dtype(at::kLong));
  auto weights = at::empty({rows, options.top_k}, floats);
  const auto& table = *cuda_kernels();
  table.choose_experts(cuda_type(x.scalar_type()),
                       {x.const_data_ptr(), router.const_data_ptr(), bias.const_data_ptr<float>(),
                        logits.mutable_data_ptr<float>(), experts.mutable_data_ptr<std::int64_t>(),
                        weights.mutable_data_ptr<float>(), rows, x.size(1), num_experts,
                        options.top_k, options.num_groups, options.top_groups,
                        static_cast<float>(options.scaling), options.normalize},
                       current_cuda_stream(x));
  check_launch(table, "choose_experts");
  return {experts, weights, experts};
}

}  // namespace

Routing route_reference(const at::Tensor& x, const at::Tensor& router,
                        const at::Tensor& balance_bias, const RoutingOptions& options,
                        const at::Tensor& given) {
  const auto dtype = accumulator_dtype(x.scalar_type());
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

Routing route(const at::Tensor& x, const at::Tensor& router, const at::Tensor& balance_bias,
              const RoutingOptions& options, const at::Tensor& given) {
  return !given.defined() && takes_cuda_kernels(x, router, balance_bias, options)
             ? route_on_gpu(x, router, balance_bias, options)
             : route_reference(x, router, balance_bias, options, given);
}

}  // namespace r1::kernels
