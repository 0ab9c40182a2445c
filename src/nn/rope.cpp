#include "nn/rope.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/cpu_dispatch.h"
#include "kernels/cpu_elementwise.h"

namespace r1::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Rotates `num_heads` heads that start at `first_head` of every row of x into (or out of) rows of
/// y.
void rotate_cpu(const at::Tensor& x, std::int64_t x_head, at::Tensor& y, std::int64_t y_head,
                std::int64_t num_heads, std::int64_t head_dim, const RopeTable& table,
                double sign) {
  kernels::dispatch_cpu(x.scalar_type(), [&]<class T>() {
    using A = kernels::Accumulator<T>;
    at::parallel_for(0, x.size(0), kernels::kRowGrain, [&](std::int64_t begin, std::int64_t end) {
      kernels::rope_rows<T>(x.const_data_ptr<T>() + x_head * head_dim, x.stride(0),
                            table.cos.const_data_ptr<A>(), table.sin.const_data_ptr<A>(),
                            y.mutable_data_ptr<T>() + y_head * head_dim, y.stride(0), begin, end,
                            num_heads, head_dim, sign);
    });
  });
}

variable_list split_forward(const at::Tensor& qkv, const RopeTable& table, std::int64_t num_heads,
                            std::int64_t num_kv_heads, std::int64_t head_dim) {
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
    const auto grad_q = gradients[0].contiguous(), grad_k = gradients[1].contiguous();
    const auto rows = grad_q.size(0), num_heads = grad_q.size(1), num_kv_heads = grad_k.size(1);
    const auto head_dim = grad_q.size(2);
    auto grad = at::empty({rows, (num_heads + 2 * num_kv_heads) * head_dim}, grad_q.options());
    rotate_cpu(grad_q, 0, grad, 0, num_heads, head_dim, table, -1.0);
    rotate_cpu(grad_k, 0, grad, num_heads, num_kv_heads, head_dim, table, -1.0);
    grad.slice(1, (num_heads + num_kv_heads) * head_dim).copy_(gradients[2].reshape({rows, -1}));
    return {grad, {}, {}, {}, {}, {}};
  }
};

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
    auto y = at::empty_like(x);
    rotate_cpu(x, 0, y, 0, x.size(1), x.size(2), table, sign);
    return y;
  }
};

/// Pairs (2i, 2i + 1) of the last dimension -> (i, i + Dh/2).
at::Tensor halves_from_pairs(const at::Tensor& x) {
  return x.view({x.size(0), x.size(1), -1, 2}).transpose(2, 3).reshape(x.sizes());
}

/// The yarn ramp's ends in pairs of dimensions: below `first` frequencies are kept, above `last`
/// stretched.
std::pair<double, double> yarn_range(const RopeConfig& config, std::int64_t head_dim) {
  const auto dim = static_cast<double>(head_dim);
  const auto pair_of = [&](double rotations) {
    return dim *
           std::log(static_cast<double>(config.original_max_position_embeddings) /
                    (rotations * 2.0 * std::numbers::pi)) /
           (2.0 * std::log(config.theta));
  };
  const double first = std::max(std::floor(pair_of(config.beta_fast)), 0.0);
  double last = std::min(std::ceil(pair_of(config.beta_slow)), dim - 1.0);
  if (first == last) last += 0.001;  // as transformers: no division by zero
  return {first, last};
}

double llama3_frequency(double frequency, const RopeConfig& config) {
  const auto original = static_cast<double>(config.original_max_position_embeddings);
  const double wavelength = 2.0 * std::numbers::pi / frequency;
  if (wavelength > original / config.low_freq_factor) return frequency / config.factor;
  if (wavelength <= original / config.high_freq_factor) return frequency;
  const double smooth = (original / wavelength - config.low_freq_factor) /
                        (config.high_freq_factor - config.low_freq_factor);
  return (1.0 - smooth) * frequency / config.factor + smooth * frequency;
}

}  // namespace

std::vector<double> rope_inverse_frequencies(const RopeConfig& config, std::int64_t head_dim) {
  std::vector<double> frequencies;
  const auto [first, last] = yarn_range(config, head_dim);
  for (std::int64_t i = 0; i < head_dim; i += 2) {
    double frequency =
        std::pow(config.theta, -static_cast<double>(i) / static_cast<double>(head_dim));
    if (config.type == "linear") frequency /= config.factor;
    if (config.type == "llama3") frequency = llama3_frequency(frequency, config);
    if (config.type == "yarn") {
      const double ramp =
          std::clamp((static_cast<double>(i / 2) - first) / (last - first), 0.0, 1.0);
      frequency = frequency / config.factor * ramp + frequency * (1.0 - ramp);
    }
    frequencies.push_back(frequency);
  }
  return frequencies;
}

double yarn_mscale(double factor, double coefficient) {
  return factor <= 1.0 ? 1.0 : 0.1 * coefficient * std::log(factor) + 1.0;
}

double rope_attention_factor(const RopeConfig& config) {
  if (config.type != "yarn") return 1.0;
  if (config.attention_factor > 0.0) return config.attention_factor;
  if (config.mscale == 0.0 || config.mscale_all_dim == 0.0) return yarn_mscale(config.factor, 1.0);
  return yarn_mscale(config.factor, config.mscale) /
         yarn_mscale(config.factor, config.mscale_all_dim);
}

RopeTable make_rope_table(const at::Tensor& position_ids, const at::Tensor& inverse_frequencies,
                          at::ScalarType model_dtype, double factor) {
  const auto dtype = kernels::accumulator_dtype(model_dtype);
  const auto angles =
      position_ids.to(dtype).unsqueeze(1) * inverse_frequencies.to(dtype).unsqueeze(0);
  const auto cos = angles.cos() * factor, sin = angles.sin() * factor;
  return {cos, sin, at::stack({-sin, sin}, 1)};
}

at::Tensor rotate_reference(const at::Tensor& x, const RopeTable& table, bool interleaved) {
  const auto rows = x.size(0), heads = x.size(1), half = x.size(2) / 2;
  const auto halves = (interleaved ? halves_from_pairs(x) : x)
                          .to(kernels::accumulator_dtype(x.scalar_type()))
                          .view({rows, heads, 2, half});
  return at::addcmul(halves * table.cos.view({rows, 1, 1, half}), halves.flip(2),
                     table.signed_sin.unsqueeze(1))
      .view(x.sizes())
      .to(x.scalar_type());
}

at::Tensor rotate(const at::Tensor& x, const RopeTable& table, bool interleaved) {
  if (!x.is_cpu()) return rotate_reference(x, table, interleaved);
  const auto heads = (interleaved ? halves_from_pairs(x) : x).contiguous();
  return at::GradMode::is_enabled() ? Rotate::apply(heads, table.cos, table.sin)
                                    : Rotate::rotate_heads(heads, table, 1.0);
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> split_and_rotate_reference(const at::Tensor& qkv,
                                                                          const RopeTable& table,
                                                                          std::int64_t num_heads,
                                                                          std::int64_t num_kv_heads,
                                                                          std::int64_t head_dim) {
  const auto parts = qkv.view({qkv.size(0), -1, head_dim})
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
  if (!qkv.is_cpu())
    return split_and_rotate_reference(qkv, table, num_heads, num_kv_heads, head_dim);
  const auto out =
      at::GradMode::is_enabled()
          ? SplitAndRotate::apply(qkv, table.cos, table.sin, num_heads, num_kv_heads, head_dim)
          : split_forward(qkv, table, num_heads, num_kv_heads, head_dim);
  return {out[0], out[1], out[2]};
}

}  // namespace r1::nn
