#include "kernels/expert_products.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <vector>

#include "kernels/cuda_library.h"
#include "kernels/silu_mul.h"

namespace r1::kernels {
namespace {

/// Grouped products want the rows of every group to start on 16 bytes: 8 bf16 values.
constexpr std::int64_t kGroupAlignment = 8;

// Limits of the CUDA kernels (CudaExpertVisits), and visits of an expert in the mean beyond which
// products are bound by operations and no longer by the reading of weights.
constexpr std::int64_t kMostExperts = 1024, kMostMaskWords = 8192, kTokensOfWord = 32,
                       kMostVisits = 24, kWidthStep = 8;

/// The plain form, one product per expert; x [N, D] sorted by expert.
at::Tensor expert_by_expert(const at::Tensor& x, const at::Tensor& counts,
                            const at::Tensor& gate_up, const at::Tensor& down) {
  if (x.size(0) == 0) return x;
  const auto host = counts.cpu();
  const std::vector<std::int64_t> sizes(host.const_data_ptr<std::int64_t>(),
                                        host.const_data_ptr<std::int64_t>() + host.numel());
  const auto inputs = x.split_with_sizes(sizes);
  const auto gate_ups = gate_up.unbind(0), downs = down.unbind(0);
  std::vector<at::Tensor> outputs;
  for (std::size_t e = 0; e < sizes.size(); ++e)
    if (sizes[e] > 0)
      outputs.push_back(at::linear(silu_mul(at::linear(inputs[e], gate_ups[e])), downs[e]));
  return at::cat(outputs);
}

/// Two grouped products; x [N, D] sorted by expert. Every expert's rows are padded with zeros
/// to a multiple of kGroupAlignment; sizes stay on the device.
at::Tensor all_experts(const at::Tensor& x, const at::Tensor& sorted_experts,
                       const at::Tensor& counts, const at::Tensor& gate_up,
                       const at::Tensor& down) {
  const auto padded =
      (counts + (kGroupAlignment - 1)).floor_divide(kGroupAlignment) * kGroupAlignment;
  const auto ends = padded.cumsum(0);
  const auto shift = (ends - padded) - (counts.cumsum(0) - counts);  // of an expert's rows
  const auto rows = at::arange(x.size(0), counts.options()) + shift.index_select(0, sorted_experts);
  const auto capacity = x.size(0) + counts.size(0) * kGroupAlignment;
  const auto spread = at::zeros({capacity, x.size(1)}, x.options()).index_copy(0, rows, x);
  const auto offsets = ends.to(at::kInt);
  const auto inner = silu_mul(at::_grouped_mm(spread, gate_up.transpose(1, 2), offsets));
  return at::_grouped_mm(inner, down.transpose(1, 2), offsets).index_select(0, rows);
}

bool takes_cuda_kernels(const at::Tensor& x, const at::Tensor& weights, const at::Tensor& gate_up,
                        const at::Tensor& down) {
  const auto tokens = x.size(0), hidden = x.size(1), num_experts = down.size(0) / hidden;
  return !at::GradMode::is_enabled() && tokens > 0 && cuda_kernels_for(x) != nullptr &&
         x.scalar_type() == at::kBFloat16 && weights.scalar_type() == at::kFloat &&
         is_packed(gate_up) && is_packed(down) && hidden % kWidthStep == 0 &&
         down.size(1) % kWidthStep == 0 && weights.numel() <= kMostVisits * num_experts &&
         num_experts <= kMostExperts &&
         num_experts * ((tokens + kTokensOfWord - 1) / kTokensOfWord) <= kMostMaskWords;
}

at::Tensor expert_sums_on_gpu(const at::Tensor& given, const at::Tensor& given_experts,
                              const at::Tensor& given_weights, const at::Tensor& gate_up,
                              const at::Tensor& down) {
  const auto x = packed(given), experts = packed(given_experts), weights = packed(given_weights);
  const auto tokens = x.size(0), hidden = x.size(1), inner = down.size(1), top_k = experts.size(1),
             num_experts = down.size(0) / hidden;
  const auto integers = x.options().dtype(at::kInt);
  auto order = at::empty({tokens * top_k}, integers), ends = at::empty({num_experts}, integers);
  auto activations = at::empty({tokens * top_k, inner}, x.options());
  auto outputs = at::empty({tokens, top_k, hidden}, x.options()), sums = at::empty_like(x);
  const CudaExpertVisits visits{experts.const_data_ptr<std::int64_t>(),
                                order.mutable_data_ptr<std::int32_t>(),
                                ends.mutable_data_ptr<std::int32_t>(),
                                tokens,
                                top_k,
                                num_experts};
  const auto& table = *cuda_kernels();
  const auto stream = current_cuda_stream(x);
  table.place_visits(visits, stream);
  table.expert_gate_up(
      {x.const_data_ptr(), gate_up.const_data_ptr(), activations.mutable_data_ptr(), hidden, inner},
      visits, stream);
  table.expert_down({activations.const_data_ptr(), down.const_data_ptr(),
                     outputs.mutable_data_ptr(), inner, hidden},
                    visits, stream);
  table.combine_visits(outputs.const_data_ptr(), weights.const_data_ptr<float>(),
                       sums.mutable_data_ptr(), tokens, top_k, hidden, stream);
  check_launch(table, "expert_sums");
  return sums;
}

}  // namespace

ExpertProductsForm expert_products_form(at::Device device, at::ScalarType dtype,
                                        std::int64_t hidden, std::int64_t inner) {
  const bool grouped = device.is_cuda() && dtype == at::kBFloat16 &&
                       hidden % kGroupAlignment == 0 && inner % kGroupAlignment == 0;
  return grouped ? ExpertProductsForm::Grouped : ExpertProductsForm::OneByOne;
}

at::Tensor expert_products(const at::Tensor& x, const at::Tensor& experts, const at::Tensor& counts,
                           const at::Tensor& gate_up, const at::Tensor& down) {
  const auto hidden = x.size(1), inner = down.size(1), held = counts.size(0);
  const auto gate_ups = gate_up.view({held, 2 * inner, hidden});
  const auto downs = down.view({held, hidden, inner});
  return expert_products_form(x.device(), x.scalar_type(), hidden, inner) ==
                 ExpertProductsForm::Grouped
             ? all_experts(x, experts, counts, gate_ups, downs)
             : expert_by_expert(x, counts, gate_ups, downs);
}

at::Tensor expert_sums_reference(const at::Tensor& x, const at::Tensor& experts,
                                 const at::Tensor& weights, const at::Tensor& gate_up,
                                 const at::Tensor& down) {
  const auto visited = experts.flatten();
  const auto order = visited.argsort(/*stable=*/true, 0, false);
  const auto counts = at::zeros({down.size(0) / x.size(1)}, visited.options())
                          .scatter_add_(0, visited, at::ones_like(visited));
  const auto outputs = expert_products(x.index_select(0, order.floor_divide(experts.size(1))),
                                       visited.index_select(0, order), counts, gate_up, down);
  // Where each visit stands after `order` put it there.
  const auto places =
      at::empty_like(order).scatter_(0, order, at::arange(order.size(0), order.options()));
  const auto of_token =
      outputs.index_select(0, places).view({x.size(0), experts.size(1), x.size(1)});
  return (of_token * weights.unsqueeze(2)).sum(1).to(x.scalar_type());
}

at::Tensor expert_sums(const at::Tensor& x, const at::Tensor& experts, const at::Tensor& weights,
                       const at::Tensor& gate_up, const at::Tensor& down) {
  return takes_cuda_kernels(x, weights, gate_up, down)
             ? expert_sums_on_gpu(x, experts, weights, gate_up, down)
             : expert_sums_reference(x, experts, weights, gate_up, down);
}

}  // namespace r1::kernels
