#include "kernels/silu_mul.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/cpu_dispatch.h"
#include "kernels/cpu_elementwise.h"
#include "kernels/cuda_library.h"

namespace r1::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kPack = 8;  // values of a CUDA thread

at::Tensor forward_cpu(const at::Tensor& gate_up) {
  const auto rows = gate_up.size(0), dim = gate_up.size(1) / 2;
  auto y = at::empty({rows, dim}, gate_up.options());
  dispatch_cpu(gate_up.scalar_type(), [&]<class T>() {
    at::parallel_for(0, rows, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
      silu_mul_rows<T>(gate_up.const_data_ptr<T>(), y.mutable_data_ptr<T>(), begin, end, dim);
    });
  });
  return y;
}

at::Tensor backward_cpu(const at::Tensor& gate_up, const at::Tensor& grad_y) {
  auto grad = at::empty_like(gate_up);
  dispatch_cpu(gate_up.scalar_type(), [&]<class T>() {
    at::parallel_for(0, gate_up.size(0), kRowGrain, [&](std::int64_t begin, std::int64_t end) {
      silu_mul_backward_rows<T>(gate_up.const_data_ptr<T>(), grad_y.const_data_ptr<T>(),
                                grad.mutable_data_ptr<T>(), begin, end, gate_up.size(1) / 2);
    });
  });
  return grad;
}

at::Tensor forward_cuda(const at::Tensor& gate_up) {
  const auto rows = gate_up.size(0), dim = gate_up.size(1) / 2;
  auto y = at::empty({rows, dim}, gate_up.options());
  const auto& table = *cuda_kernels();
  table.silu_mul(cuda_type(gate_up.scalar_type()), gate_up.const_data_ptr(), y.mutable_data_ptr(),
                 rows, dim, current_cuda_stream(gate_up));
  check_launch(table, "silu_mul");
  return y;
}

/// `y` undefined: it is not formed again.
at::Tensor backward_cuda(const at::Tensor& gate_up, const at::Tensor& given, const at::Tensor& y) {
  auto grad = at::empty_like(gate_up);
  const auto grad_y = packed(given);
  const auto& table = *cuda_kernels();
  table.silu_mul_backward(cuda_type(gate_up.scalar_type()), gate_up.const_data_ptr(),
                          grad_y.const_data_ptr(), grad.mutable_data_ptr(),
                          y.defined() ? y.mutable_data_ptr() : nullptr, gate_up.size(0),
                          gate_up.size(1) / 2, current_cuda_stream(gate_up));
  check_launch(table, "silu_mul_backward");
  return grad;
}

class SiluMul : public torch::autograd::Function<SiluMul> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate_up) {
    context->save_for_backward({gate_up});
    return compute(gate_up);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto gate_up = context->get_saved_variables()[0];
    return {gate_up.is_cpu() ? backward_cpu(gate_up, gradients[0].contiguous())
                             : backward_cuda(gate_up, gradients[0], {})};
  }

  static at::Tensor compute(const at::Tensor& gate_up) {
    return gate_up.is_cpu() ? forward_cpu(gate_up) : forward_cuda(gate_up);
  }
};

class SiluMulLinear : public torch::autograd::Function<SiluMulLinear> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate_up,
                            const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                            bool values_are_read) {
    context->save_for_backward({gate_up, weight});
    context->saved_data["has_bias"] = bias.has_value();
    if (!values_are_read) return at::empty({gate_up.size(0), weight.size(0)}, gate_up.options());
    return at::linear(SiluMul::compute(gate_up), weight, bias);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &gate_up = saved[0], &weight = saved[1], &grad = gradients[0];
    const auto grad_y = at::mm(grad, weight);
    at::Tensor y, grad_gate_up;
    if (gate_up.is_cpu()) {
      y = forward_cpu(gate_up);
      grad_gate_up = backward_cpu(gate_up, grad_y);
    } else {
      y = at::empty_like(grad_y);
      grad_gate_up = backward_cuda(gate_up, grad_y, y);
    }
    const bool has_bias = context->saved_data["has_bias"].toBool();
    const bool trains_weight = context->needs_input_grad(1);
    return {grad_gate_up,
            trains_weight ? at::mm(grad.t(), y) : at::Tensor(),
            has_bias ? grad.sum(0) : at::Tensor(),
            {}};
  }
};

}  // namespace

bool has_silu_mul_kernel(const at::Tensor& gate_up) {
  return cuda_kernels_for(gate_up) != nullptr && gate_up.size(-1) % (2 * kPack) == 0;
}

bool fuses_silu_mul(const at::Tensor& x) {
  return !x.is_cuda() || cuda_kernels_for(x) != nullptr;
}

at::Tensor silu_mul_reference(const at::Tensor& gate_up) {
  const auto parts = gate_up.chunk(2, -1);
  return at::silu(parts[0]) * parts[1];
}

at::Tensor silu_mul(const at::Tensor& given) {
  const bool on_gpu = has_silu_mul_kernel(given);
  if (!given.is_cpu() && !on_gpu) return silu_mul_reference(given);
  const auto gate_up = on_gpu ? packed(given) : given.contiguous();
  return at::GradMode::is_enabled() ? SiluMul::apply(gate_up) : SiluMul::compute(gate_up);
}

at::Tensor silu_mul_linear(const at::Tensor& gate_up, const at::Tensor& weight,
                           const at::Tensor& bias, bool values_are_read) {
  const auto given_bias = bias.defined() ? std::optional(bias) : std::nullopt;
  const bool on_gpu = has_silu_mul_kernel(gate_up);
  if (at::GradMode::is_enabled() && (on_gpu || (gate_up.is_cpu() && !values_are_read)))
    return SiluMulLinear::apply(on_gpu ? packed(gate_up) : gate_up.contiguous(), weight, given_bias,
                                values_are_read);
  return at::linear(silu_mul(gate_up), weight, given_bias);
}

}  // namespace r1::kernels
