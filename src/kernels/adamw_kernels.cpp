#include "kernels/adamw_kernels.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "kernels/cuda_library.h"

namespace r1::kernels {
namespace {

bool is_flat(const at::Tensor& tensor, at::ScalarType dtype) {
  return tensor.is_contiguous() && tensor.scalar_type() == dtype &&
         cuda_kernels_for(tensor) != nullptr;
}

}  // namespace

bool has_adamw_kernel(const AdamWTensors& slot) {
  for (const auto* tensor : {&slot.master, &slot.grad, &slot.exp_avg, &slot.exp_avg_sq})
    if (!is_flat(*tensor, at::kFloat)) return false;
  return !slot.model.defined() || is_flat(slot.model, at::kBFloat16);
}

void adamw_on_gpu(std::span<const AdamWTensors> slots, const AdamWFactors& factors) {
  const auto& table = *cuda_kernels();
  const CudaAdamWFactors constants{factors.beta1,      factors.beta2,   factors.step_size,
                                   factors.root_scale, factors.epsilon, factors.grad_scale};
  constexpr auto kMost = static_cast<std::size_t>(kMostAdamWSlots);
  while (!slots.empty()) {
    const auto some = slots.first(std::min(slots.size(), kMost));
    std::array<CudaAdamWSlot, kMost> arguments;
    for (std::size_t i = 0; i < some.size(); ++i)
      arguments[i] = {some[i].master.mutable_data_ptr<float>(),
                      some[i].grad.const_data_ptr<float>(),
                      some[i].exp_avg.mutable_data_ptr<float>(),
                      some[i].exp_avg_sq.mutable_data_ptr<float>(),
                      some[i].model.defined() ? some[i].model.mutable_data_ptr() : nullptr,
                      some[i].master.numel(),
                      factors.decay};
    table.adamw(arguments.data(), static_cast<std::int64_t>(some.size()), constants,
                current_cuda_stream(some.front().master));
    check_launch(table, "adamw");
    slots = slots.subspan(some.size());
  }
}

bool has_squares_kernel(const at::Tensor& tensor) {
  return is_flat(tensor, at::kFloat);
}

at::Tensor sum_of_squares_on_gpu(const at::Tensor& tensor) {
  constexpr std::int64_t kMostParts = 1024, kPartSize = 8192;
  const auto num_parts =
      std::clamp<std::int64_t>((tensor.numel() + kPartSize - 1) / kPartSize, 1, kMostParts);
  auto parts = at::empty({num_parts}, tensor.options().dtype(at::kDouble));
  const auto& table = *cuda_kernels();
  table.squares(tensor.const_data_ptr<float>(), tensor.numel(), parts.mutable_data_ptr<double>(),
                num_parts, current_cuda_stream(tensor));
  check_launch(table, "squares");
  return num_parts == 1 ? parts.squeeze(0) : parts.sum();
}

}  // namespace r1::kernels
