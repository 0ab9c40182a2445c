#include "kernels/rope.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/cpu_dispatch.h"
#include "kernels/cpu_elementwise.h"
#include "kernels/cuda_library.h"

namespace r1::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Rotates `num_heads` heads that start at `first_head` of every row of x into (or out of) rows of
/// y.
void rotate_cpu(const at::Tensor& x, std::int64_t x_head, at::Tensor& y, std::int64_t y_head,
                std::int64_t num_heads, std::int64_t head_dim, const RopeTable& table,
                double sign) {
  dispatch_cpu(x.scalar_type(), [&]<class T>() {
    using A = Accumulator<T>;
    at::parallel_for(0, x.size(0), kRowGrain, [&](std::int64_t begin, std::int64_t end) {
      rope_rows<T>(x.const_data_ptr<T>() + x_head * head_dim, x.stride(0),
                   table.cos.const_data_ptr<A>(), table.sin.const_data_ptr<A>(),
                   y.mutable_data_ptr<T>() + y_head * head_dim, y.stride(0), begin, end, num_heads,
                   head_dim, sign);
    });
  });
}

constexpr std::int64_t kHeadStep = 16;  // widths of heads that the CUDA kernel takes

bool takes_cuda_kernel(const at::Tensor& x, std::int64_t head_dim, const RopeTable& table) {
  return cuda_kernels_for(x) != nullptr && head_dim % kHeadStep == 0 &&
         table.cos.scalar_type() == at::kFloat;
}

/// Of the parts of `qkv`; k and v are undefined where there are no KV heads (a rotation alone).
variable_list split_forward_cuda(const at::Tensor& qkv, const RopeTable& table,
                                 std::int64_t num_heads, std::int64_t num_kv_heads,
                                 std::int64_t head_dim) {
  const auto rows = qkv.size(0);
  const auto fused = packed(qkv), cos = packed(table.cos), sin = packed(table.sin);
  auto q = at::empty({rows, num_heads, head_dim}, fused.options());
  auto k = at::empty({rows, num_kv_heads, head_dim}, fused.options());
  auto v = at::empty_like(k);
  const auto& kernels = *cuda_kernels();
  kernels.split_and_rotate(cuda_type(fused.scalar_type()), fused.const_data_ptr(),
                           cos.const_data_ptr<float>(), sin.const_data_ptr<float>(),
                           q.mutable_data_ptr(), k.mutable_data_ptr(), v.mutable_data_ptr(), rows,
                           num_heads, num_kv_heads, head_dim, current_cuda_stream(fused));
  check_launch(kernels, "split_and_rotate");
  return {q, k, v};
}

at::Tensor split_backward_cuda(const variable_list& gradients, const RopeTable& table) {
  const auto grad_q = packed(gradients[0]), grad_k = packed(gradients[1]),
             grad_v = packed(gradients[2]), cos = packed(table.cos), sin = packed(table.sin);
  const auto rows = grad_q.size(0), num_heads = grad_q.size(1), num_kv_heads = grad_k.size(1),
             head_dim = grad_q.size(2);
  auto grad = at::empty({rows, (num_heads + 2 * num_kv_heads) * head_dim}, grad_q.options());
  const auto& kernels = *cuda_kernels();
  kernels.split_and_rotate_backward(
      cuda_type(grad.scalar_type()), grad_q.const_data_ptr(), grad_k.const_data_ptr(),
      grad_v.const_data_ptr(), cos.const_data_ptr<float>(), sin.const_data_ptr<float>(),
      grad.mutable_data_ptr(), rows, num_heads, num_kv_heads, head_dim, current_cuda_stream(grad));
  check_launch(kernels, "split_and_rotate_backward");
  return grad;
}

variable_list split_forward(const at::Tensor& qkv, const RopeTable& table, std::int64_t num_heads,
                            std::int64_t num_kv_heads, std::int64_t head_dim) {
  if (!qkv.is_cpu()) return split_forward_cuda(qkv, table, num_heads, num_kv_heads, head_dim);
  const auto rows = qkv.size(0);
  auto q = at::empty({rows, num_heads, head_dim}, qkv.options());
  auto k = at::empty({rows, num_kv_heads, head_dim}, qkv.options());
  rotate_cpu(qkv, 0, q, 0, num_heads, head_dim, table, 1.0);
  rotate_cpu(qkv, num_heads, k, 0, num_kv_heads, head_dim, table, 1.0);
  const auto v = qkv.slice(1, (num_heads + num_kv_heads) * head_dim).contiguous();
  return {q, k, v.view({rows, num_kv_heads, head_dim})};
}

class SplitAndRotate : public torch::autograd::Function<SplitAndRotate> {
 public:
  static variable_list forward(AutogradContext* context, const at::Tensor& qkv,
                               const at::Tensor& cos, const at::Tensor& sin, std::int64_t num_heads,
                               std::int64_t num_kv_heads, std::int64_t head_dim) {
    context->save_for_backward({cos, sin});
    return split_forward(qkv, {cos, sin, {}}, num_heads, num_kv_heads, head_dim);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const RopeTable table{saved[0], saved[1], {}};
    if (!gradients[0].is_cpu()) return {split_backward_cuda(gradients, table), {}, {}, {}, {}, {}};
    const auto grad_q = gradients[0].contiguous(), grad_k = gradients[1].contiguous();
    const auto rows = grad_q.size(0), num_heads = grad_q.size(1), num_kv_heads = grad_k.size(1);
    const auto head_dim = grad_q.size(2);
    auto grad = at::empty({rows, (num_heads + 2 * num_kv_heads) * head_dim}, grad_q.options());
    rotate_cpu(grad_q, 0, grad, 0, num_heads, head_dim, table, -1.0);
    rotate_cpu(grad_k, 0, grad, num_heads, num_kv_heads, head_dim, table, -1.0);
    grad.slice(1, (num_heads + num_kv_heads) * head_dim)
        .copy_(gradients[2].reshape({rows, num_kv_heads * head_dim}));
    return {grad, {}, {}, {}, {}, {}};
  }
};

/// Contiguous [T, N, Dh]: queries without keys and values.
at::Tensor rotate_heads_cuda(const at::Tensor& x, const RopeTable& table, double sign) {
  const auto heads = x.size(1), head_dim = x.size(2);
  const auto none = at::empty({x.size(0), 0, head_dim}, x.options());
  return sign > 0.0 ? split_forward_cuda(x.reshape({x.size(0), heads * head_dim}), table, heads, 0,
                                         head_dim)[0]
                    : split_backward_cuda({x, none, none}, table).view(x.sizes());
}

class Rotate : public torch::autograd::Function<Rotate> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& cos,
                            const at::Tensor& sin) {
    context->save_for_backward({cos, sin});
    return rotate_heads(x, {cos, sin, {}}, 1.0);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    return {rotate_heads(gradients[0].contiguous(), {saved[0], saved[1], {}}, -1.0), {}, {}};
  }

  /// Contiguous [T, N, Dh].
  static at::Tensor rotate_heads(const at::Tensor& x, const RopeTable& table, double sign) {
    if (!x.is_cpu()) return rotate_heads_cuda(x, table, sign);
    auto y = at::empty_like(x);
    rotate_cpu(x, 0, y, 0, x.size(1), x.size(2), table, sign);
    return y;
  }
};

/// Pairs (2i, 2i + 1) of the last dimension -> (i, i + Dh/2).
at::Tensor halves_from_pairs(const at::Tensor& x) {
  return x.view({x.size(0), x.size(1), x.size(2) / 2, 2}).transpose(2, 3).reshape(x.sizes());
}

}  // namespace

at::Tensor rotate_reference(const at::Tensor& x, const RopeTable& table, bool interleaved) {
  const auto rows = x.size(0), heads = x.size(1), half = x.size(2) / 2;
  const auto halves = (interleaved ? halves_from_pairs(x) : x)
                          .to(accumulator_dtype(x.scalar_type()))
                          .view({rows, heads, 2, half});
  return at::addcmul(halves * table.cos.view({rows, 1, 1, half}), halves.flip(2),
                     table.signed_sin.unsqueeze(1))
      .view(x.sizes())
      .to(x.scalar_type());
}

at::Tensor rotate(const at::Tensor& x, const RopeTable& table, bool interleaved) {
  if (!x.is_cpu() && !takes_cuda_kernel(x, x.size(2), table))
    return rotate_reference(x, table, interleaved);
  const auto heads = (interleaved ? halves_from_pairs(x) : x).contiguous();
  return at::GradMode::is_enabled() ? Rotate::apply(heads, table.cos, table.sin)
                                    : Rotate::rotate_heads(heads, table, 1.0);
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> split_and_rotate_reference(const at::Tensor& qkv,
                                                                          const RopeTable& table,
                                                                          std::int64_t num_heads,
                                                                          std::int64_t num_kv_heads,
                                                                          std::int64_t head_dim) {
  const auto parts = qkv.view({qkv.size(0), num_heads + 2 * num_kv_heads, head_dim})
                         .split_with_sizes({num_heads + num_kv_heads, num_kv_heads}, 1);
  const auto rotated =
      rotate_reference(parts[0], table).split_with_sizes({num_heads, num_kv_heads}, 1);
  return {rotated[0], rotated[1], parts[1]};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> split_and_rotate(const at::Tensor& qkv,
                                                                const RopeTable& table,
                                                                std::int64_t num_heads,
                                                                std::int64_t num_kv_heads,
                                                                std::int64_t head_dim) {
  if (!qkv.is_cpu() && !takes_cuda_kernel(qkv, head_dim, table))
    return split_and_rotate_reference(qkv, table, num_heads, num_kv_heads, head_dim);
  const auto out =
      at::GradMode::is_enabled()
          ? SplitAndRotate::apply(qkv, table.cos, table.sin, num_heads, num_kv_heads, head_dim)
          : split_forward(qkv, table, num_heads, num_kv_heads, head_dim);
  return {out[0], out[1], out[2]};
}

}  // namespace r1::kernels
