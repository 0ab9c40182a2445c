#include "nn/mlp.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/cpu_dispatch.h"
#include "kernels/cpu_elementwise.h"

namespace r1::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor forward_cpu(const at::Tensor& gate_up) {
  const auto rows = gate_up.size(0), dim = gate_up.size(1) / 2;
  auto y = at::empty({rows, dim}, gate_up.options());
  kernels::dispatch_cpu(gate_up.scalar_type(), [&]<class T>() {
    at::parallel_for(0, rows, kernels::kRowGrain, [&](std::int64_t begin, std::int64_t end) {
      kernels::silu_mul_rows<T>(gate_up.const_data_ptr<T>(), y.mutable_data_ptr<T>(), begin, end,
                                dim);
    });
  });
  return y;
}

class SiluMul : public torch::autograd::Function<SiluMul> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate_up) {
    context->save_for_backward({gate_up});
    return forward_cpu(gate_up);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto gate_up = context->get_saved_variables()[0];
    const auto grad_y = gradients[0].contiguous();
    auto grad = at::empty_like(gate_up);
    kernels::dispatch_cpu(gate_up.scalar_type(), [&]<class T>() {
      at::parallel_for(0, gate_up.size(0), kernels::kRowGrain,
                       [&](std::int64_t begin, std::int64_t end) {
                         kernels::silu_mul_backward_rows<T>(
                             gate_up.const_data_ptr<T>(), grad_y.const_data_ptr<T>(),
                             grad.mutable_data_ptr<T>(), begin, end, gate_up.size(1) / 2);
                       });
    });
    return {grad};
  }
};

}  // namespace

at::Tensor silu_mul_reference(const at::Tensor& gate_up) {
  const auto parts = gate_up.chunk(2, -1);
  return at::silu(parts[0]) * parts[1];
}

at::Tensor silu_mul(const at::Tensor& gate_up) {
  if (!gate_up.is_cpu()) return silu_mul_reference(gate_up);
  return at::GradMode::is_enabled() ? SiluMul::apply(gate_up) : forward_cpu(gate_up);
}

at::Tensor GatedMlp::operator()(const at::Tensor& x) const {
  const bool by_halves = x.is_cuda() && at::GradMode::is_enabled();
  return down(by_halves ? gated_by_halves(x) : silu_mul(gate_up(x)));
}

at::Tensor GatedMlp::gated_by_halves(const at::Tensor& x) const {
  const auto weights = gate_up.weight.chunk(2);
  const auto biases =
      gate_up.bias.defined() ? gate_up.bias.chunk(2) : std::vector<at::Tensor>(weights.size());
  const Linear gate{weights[0], biases[0]}, up{weights[1], biases[1]};
  return at::silu(gate(x)) * up(x);
}

}  // namespace r1::nn
