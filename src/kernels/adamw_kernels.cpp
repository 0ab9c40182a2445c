#include "kernels/adamw_kernels.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>

#include "kernels/cuda_library.h"

namespace r1::kernels {
namespace {

constexpr std::int64_t kGrain = 1 << 15;  // elements below which a second thread does not pay

bool is_flat_on_cpu(const at::Tensor& tensor, std::initializer_list<at::ScalarType> dtypes) {
  return tensor.is_cpu() && tensor.is_contiguous() &&
         std::find(dtypes.begin(), dtypes.end(), tensor.scalar_type()) != dtypes.end();
}

bool is_flat(const at::Tensor& tensor, at::ScalarType dtype) {
  return tensor.is_contiguous() && tensor.scalar_type() == dtype &&
         cuda_kernels_for(tensor) != nullptr;
}

}  // namespace

bool has_adamw_loops(const AdamWTensors& slot) {
  return is_flat_on_cpu(slot.master, {at::kFloat}) &&
         is_flat_on_cpu(slot.grad, {at::kFloat, at::kBFloat16}) &&
         (!slot.model.defined() || is_flat_on_cpu(slot.model, {at::kBFloat16}));
}

void adamw_on_cpu(const AdamWTensors& slot, const AdamWFactors& factors) {
  auto* p = slot.master.mutable_data_ptr<float>();
  auto* m = slot.exp_avg.mutable_data_ptr<float>();
  auto* v = slot.exp_avg_sq.mutable_data_ptr<float>();
  auto* out = slot.model.defined() ? slot.model.mutable_data_ptr<at::BFloat16>() : nullptr;
  at::parallel_for(0, slot.master.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    const auto run = [&](const auto* g) {
      adamw(p + begin, g + begin, m + begin, v + begin, out ? out + begin : nullptr, end - begin,
            factors);
    };
    if (slot.grad.scalar_type() == at::kFloat)
      run(slot.grad.const_data_ptr<float>());
    else
      run(slot.grad.const_data_ptr<at::BFloat16>());
  });
}

bool shares_launches(const at::Tensor& master, const at::Tensor& grad) {
  return master.is_cuda() && grad.is_contiguous() && grad.scalar_type() == master.scalar_type();
}

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

}  // namespace r1::kernels
