#include "kernels/add_rms_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "kernels/cpu_dispatch.h"
#include "kernels/cpu_elementwise.h"
#include "kernels/cuda_library.h"

namespace r1::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The weight's gradient is summed over fixed pieces of rows, so that it does not depend on the
// number of threads.
constexpr std::int64_t kGradientPieces = 16;

/// What was normed (x + residual, or x itself), the result, 1 / rms of every row.
struct NormForward {
  at::Tensor sum, normed, inverse_rms;
};

NormForward forward_cpu(const at::Tensor& x, const at::Tensor& residual, const at::Tensor& weight,
                        double epsilon) {
  const auto rows = x.size(0), dim = x.size(1);
  const auto wide = x.options().dtype(accumulator_dtype(x.scalar_type()));
  NormForward out{residual.defined() ? at::empty(x.sizes(), wide) : x, at::empty_like(x),
                  at::empty({rows}, wide)};
  dispatch_cpu(x.scalar_type(), [&]<class T>() {
    using A = Accumulator<T>;
    at::parallel_for(0, rows, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
      rms_norm_rows<T>(
          x.const_data_ptr<T>(), residual.defined() ? residual.const_data_ptr<A>() : nullptr,
          weight.const_data_ptr<T>(), residual.defined() ? out.sum.mutable_data_ptr<A>() : nullptr,
          out.normed.mutable_data_ptr<T>(), out.inverse_rms.mutable_data_ptr<A>(), begin, end, dim,
          epsilon);
    });
  });
  return out;
}

struct NormBackward {
  at::Tensor grad_input, grad_weight;
};

/// T: dtype of weight and result; S: of what was normed.
template <class T, class S>
NormBackward backward_cpu(const at::Tensor& grad_normed, const at::Tensor& grad_sum,
                          const variable_list& saved) {
  using A = Accumulator<T>;
  const auto &sum = saved[0], &weight = saved[1], &inverse_rms = saved[2];
  const auto rows = sum.size(0), dim = sum.size(1);
  auto grad_input = at::empty_like(sum);
  auto pieces = at::zeros({kGradientPieces, dim}, inverse_rms.options());
  at::parallel_for(0, kGradientPieces, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t piece = first; piece < last; ++piece)
      rms_norm_backward_rows<T, S>(
          grad_normed.const_data_ptr<T>(),
          grad_sum.defined() ? grad_sum.const_data_ptr<S>() : nullptr, sum.const_data_ptr<S>(),
          weight.const_data_ptr<T>(), inverse_rms.const_data_ptr<A>(),
          grad_input.mutable_data_ptr<S>(), pieces.mutable_data_ptr<A>() + piece * dim,
          rows * piece / kGradientPieces, rows * (piece + 1) / kGradientPieces, dim);
  });
  return {grad_input, pieces.sum(0).to(weight.scalar_type())};
}

// Of the CUDA kernels, in elements: the widest row that the backward pass keeps in registers. The
// forward pass has the same bound, so that a row has the same bits with and without gradients.
constexpr std::int64_t kWidestRow = 8192, kPack = 8;
// Parts of the weight's gradient: enough blocks of threads for a GPU, of whatever width.
constexpr std::int64_t kFewestParts = 512, kPartElements = 1 << 20;

bool takes_cuda_kernel(const at::Tensor& x, const at::Tensor& residual, const at::Tensor& weight) {
  return cuda_kernels_for(x) != nullptr && x.size(1) % kPack == 0 && x.size(1) <= kWidestRow &&
         weight.scalar_type() == x.scalar_type() && is_packed(weight) &&
         (!residual.defined() || residual.scalar_type() == at::kFloat);
}

/// x and residual are packed(). Without a residual the sum is x itself, or with gradients off, when
/// nobody keeps it, its fp32 form from the same pass.
NormForward forward_cuda(const at::Tensor& x, const at::Tensor& residual, const at::Tensor& weight,
                         double epsilon, bool keeps_x) {
  const auto wide = x.options().dtype(at::kFloat);
  const bool writes_sum = residual.defined() || !keeps_x;
  NormForward out{writes_sum ? at::empty(x.sizes(), wide) : x, at::empty_like(x),
                  at::empty({x.size(0)}, wide)};
  const auto& table = *cuda_kernels();
  table.add_rms_norm(cuda_type(x.scalar_type()), x.const_data_ptr(),
                     residual.defined() ? residual.const_data_ptr<float>() : nullptr,
                     weight.const_data_ptr(),
                     writes_sum ? out.sum.mutable_data_ptr<float>() : nullptr,
                     out.normed.mutable_data_ptr(), out.inverse_rms.mutable_data_ptr<float>(),
                     x.size(0), x.size(1), static_cast<float>(epsilon), current_cuda_stream(x));
  check_launch(table, "add_rms_norm");
  return out;
}

/// {gradient of x, of the residual (undefined without one), of the weight}.
variable_list backward_cuda(const at::Tensor& grad_normed, const at::Tensor& grad_sum,
                            const variable_list& saved, bool has_residual) {
  const auto &sum = saved[0], &weight = saved[1], &inverse_rms = saved[2];
  const auto rows = sum.size(0), dim = sum.size(1);
  const auto num_parts =
      std::min(std::max<std::int64_t>(1, rows), std::max(kFewestParts, kPartElements / dim));
  const auto wide = sum.options().dtype(at::kFloat);
  auto grad_x = at::empty_like(grad_normed);
  auto grad_residual = has_residual ? at::empty(sum.sizes(), wide) : at::Tensor();
  auto parts = at::empty({num_parts, dim}, wide);
  const auto& table = *cuda_kernels();
  table.add_rms_norm_backward(
      cuda_type(grad_normed.scalar_type()), grad_normed.const_data_ptr(),
      grad_sum.defined() ? grad_sum.const_data_ptr<float>() : nullptr, cuda_type(sum.scalar_type()),
      sum.const_data_ptr(), weight.const_data_ptr(), inverse_rms.const_data_ptr<float>(),
      grad_x.mutable_data_ptr(), has_residual ? grad_residual.mutable_data_ptr<float>() : nullptr,
      parts.mutable_data_ptr<float>(), num_parts, rows, dim, current_cuda_stream(sum));
  check_launch(table, "add_rms_norm_backward");
  return {grad_x, grad_residual, parts.sum(0).to(weight.scalar_type())};
}

class AddRmsNorm : public torch::autograd::Function<AddRmsNorm> {
 public:
  static variable_list forward(AutogradContext* context, const at::Tensor& x,
                               const std::optional<at::Tensor>& given_residual,
                               const at::Tensor& weight, double epsilon) {
    const auto residual = given_residual.value_or(at::Tensor());
    const auto out = x.is_cpu() ? forward_cpu(x, residual, weight, epsilon)
                                : forward_cuda(x, residual, weight, epsilon, /*keeps_x=*/true);
    context->save_for_backward({out.sum, weight, out.inverse_rms});
    context->saved_data["has_residual"] = residual.defined();
    if (!residual.defined()) return {out.normed};
    return {out.sum, out.normed};
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const bool has_residual = context->saved_data["has_residual"].toBool();
    const auto grad_normed = gradients.back().contiguous();
    const auto grad_sum =
        has_residual && gradients[0].defined() ? gradients[0].contiguous() : at::Tensor();
    if (!grad_normed.is_cpu()) {
      auto all =
          backward_cuda(packed(grad_normed), grad_sum.defined() ? packed(grad_sum) : grad_sum,
                        saved, has_residual);
      all.emplace_back();  // of epsilon
      return all;
    }
    const auto grads = dispatch_cpu(grad_normed.scalar_type(), [&]<class T>() {
      return has_residual ? backward_cpu<T, Accumulator<T>>(grad_normed, grad_sum, saved)
                          : backward_cpu<T, T>(grad_normed, grad_sum, saved);
    });
    return {grads.grad_input.to(grad_normed.scalar_type()),
            has_residual ? grads.grad_input : at::Tensor(),
            grads.grad_weight,
            {}};
  }
};

at::Tensor widened(const at::Tensor& x) {
  return x.to(accumulator_dtype(x.scalar_type()));
}

}  // namespace

std::pair<at::Tensor, at::Tensor> add_rms_norm_reference(const at::Tensor& x,
                                                         const at::Tensor& residual,
                                                         const at::Tensor& weight, double epsilon) {
  const auto sum = residual.defined() ? widened(x) + residual : widened(x);
  const auto scale = at::rsqrt(sum.square().mean(-1, true) + epsilon);
  return {sum, (sum * scale * weight).to(x.scalar_type())};
}

std::pair<at::Tensor, at::Tensor> add_rms_norm_fused(const at::Tensor& x,
                                                     const at::Tensor& residual,
                                                     const at::Tensor& weight, double epsilon) {
  const auto sum = residual.defined() ? x + residual : widened(x);  // as wide as the residual
  const auto normed = at::rms_norm(sum, {sum.size(-1)}, widened(weight), epsilon);
  return {sum, normed.to(x.scalar_type())};
}

std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& given, const at::Tensor& residual,
                                               const at::Tensor& weight, double epsilon) {
  const bool on_gpu = takes_cuda_kernel(given, residual, weight);
  if (!given.is_cpu() && !on_gpu) return add_rms_norm_fused(given, residual, weight, epsilon);
  // The kernels take rows one after another.
  const auto in_rows = [on_gpu](const at::Tensor& x) {
    return on_gpu ? packed(x) : x.contiguous();
  };
  const auto x = in_rows(given), other = residual.defined() ? in_rows(residual) : residual;
  if (!at::GradMode::is_enabled()) {
    const auto out = on_gpu ? forward_cuda(x, other, weight, epsilon, /*keeps_x=*/false)
                            : forward_cpu(x, other, weight, epsilon);
    return {widened(out.sum), out.normed};
  }
  const auto out =
      AddRmsNorm::apply(x, other.defined() ? std::optional(other) : std::nullopt, weight, epsilon);
  return {out.size() == 1 ? widened(x) : out[0], out.back()};
}

}  // namespace r1::kernels
