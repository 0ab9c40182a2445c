#include "nn/rms_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/cpu_elementwise.h"
#include "nn/cpu_dispatch.h"

namespace r1::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The weight's gradient is summed over fixed pieces of rows, so that it does not depend on the
// number of threads.
constexpr std::int64_t kGradientPieces = 16;

struct NormForward {
  at::Tensor sum, normed, inverse_rms;
};

NormForward forward_cpu(const at::Tensor& x, const at::Tensor& residual, const at::Tensor& weight,
                        double epsilon) {
  const auto rows = x.size(0), dim = x.size(1);
  NormForward out{residual.defined() ? at::empty_like(x) : x, at::empty_like(x),
                  at::empty({rows}, x.options().dtype(accumulator_dtype(x.scalar_type())))};
  dispatch_cpu(x.scalar_type(), [&]<class T>() {
    using A = kernels::Accumulator<T>;
    at::parallel_for(0, rows, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
      kernels::rms_norm_rows<T>(
          x.const_data_ptr<T>(), residual.defined() ? residual.const_data_ptr<T>() : nullptr,
          weight.const_data_ptr<T>(), residual.defined() ? out.sum.mutable_data_ptr<T>() : nullptr,
          out.normed.mutable_data_ptr<T>(), out.inverse_rms.mutable_data_ptr<A>(), begin, end, dim,
          epsilon);
    });
  });
  return out;
}

class AddRmsNorm : public torch::autograd::Function<AddRmsNorm> {
 public:
  static variable_list forward(AutogradContext* context, const at::Tensor& x,
                               const std::optional<at::Tensor>& given_residual,
                               const at::Tensor& weight, double epsilon) {
    const auto residual = given_residual.value_or(at::Tensor());
    const auto out = forward_cpu(x, residual, weight, epsilon);
    context->save_for_backward({out.sum, weight, out.inverse_rms});
    context->saved_data["has_residual"] = residual.defined();
    if (!residual.defined()) return {out.normed};
    return {out.sum, out.normed};
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &sum = saved[0], &weight = saved[1], &inverse_rms = saved[2];
    const bool has_residual = context->saved_data["has_residual"].toBool();
    const auto grad_normed = gradients.back().contiguous();
    const auto grad_sum =
        has_residual && gradients[0].defined() ? gradients[0].contiguous() : at::Tensor();
    const auto rows = sum.size(0), dim = sum.size(1);
    auto grad_input = at::empty_like(sum);
    auto pieces = at::zeros({kGradientPieces, dim}, inverse_rms.options());
    dispatch_cpu(sum.scalar_type(), [&]<class T>() {
      using A = kernels::Accumulator<T>;
      at::parallel_for(0, kGradientPieces, 1, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t piece = first; piece < last; ++piece)
          kernels::rms_norm_backward_rows<T>(
              grad_normed.const_data_ptr<T>(),
              grad_sum.defined() ? grad_sum.const_data_ptr<T>() : nullptr, sum.const_data_ptr<T>(),
              weight.const_data_ptr<T>(), inverse_rms.const_data_ptr<A>(),
              grad_input.mutable_data_ptr<T>(), pieces.mutable_data_ptr<A>() + piece * dim,
              rows * piece / kGradientPieces, rows * (piece + 1) / kGradientPieces, dim);
      });
    });
    return {grad_input,
            has_residual ? grad_input : at::Tensor(),
            pieces.sum(0).to(weight.scalar_type()),
            {}};
  }
};

}  // namespace

std::pair<at::Tensor, at::Tensor> add_rms_norm_reference(const at::Tensor& x,
                                                         const at::Tensor& residual,
                                                         const at::Tensor& weight, double epsilon) {
  const auto sum = residual.defined() ? x + residual : x;
  const auto wide = sum.to(accumulator_dtype(sum.scalar_type()));
  const auto scale = at::rsqrt(wide.square().mean(-1, true) + epsilon);
  return {sum, (wide * scale * weight).to(sum.scalar_type())};
}

std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& given, const at::Tensor& residual,
                                               const at::Tensor& weight, double epsilon) {
  if (!given.is_cpu()) return add_rms_norm_reference(given, residual, weight, epsilon);
  const auto x = given.contiguous();  // the kernels take rows one after another
  const auto other = residual.defined() ? residual.contiguous() : residual;
  if (!at::GradMode::is_enabled()) {
    auto out = forward_cpu(x, other, weight, epsilon);
    return {out.sum, out.normed};
  }
  const auto out =
      AddRmsNorm::apply(x, other.defined() ? std::optional(other) : std::nullopt, weight, epsilon);
  return {out.size() == 1 ? x : out[0], out.back()};
}

}  // namespace r1::nn
