#include "kernels/expert_products.h"

#include <ATen/ATen.h>

#include <vector>

#include "kernels/silu_mul.h"

namespace r1::kernels {
namespace {

/// Grouped products want the rows of every group to start on 16 bytes: 8 bf16 values.
constexpr std::int64_t kGroupAlignment = 8;

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

}  // namespace r1::kernels
