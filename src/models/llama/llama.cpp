#include "models/llama/llama.h"

#include <ATen/ATen.h>

#include <cmath>

#include "kernels/add_rms_norm.h"
#include "nn/attention.h"

namespace r1::models {
namespace {

/// The norm of every head of x [T, N, Dh].
at::Tensor head_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
  const auto heads = x.reshape({-1, x.size(2)});
  return kernels::add_rms_norm(heads, {}, weight, epsilon).second.view(x.sizes());
}

}  // namespace

LlamaModel::LlamaModel(const ModelShape& shape, at::ScalarType dtype, at::Device device,
                       const parallel::ModelAxes& axes, const LlamaParts& parts)
    : Decoder(shape, dtype, device, axes, shape.head_width()) {
  const auto width = shape.head_width();
  const auto queries = parallel::scaled(shard(shape.num_attention_heads), width);
  const auto keys = kv_heads().size * width;
  for (std::int64_t i = 0; i < shape.num_hidden_layers; ++i) {
    const auto norm = parts.query_key_norm ? allocate({width}) : at::Tensor();
    layers_.push_back({linear(queries.size + 2 * keys, shape.hidden_size, parts.qkv_bias), norm,
                       norm.defined() ? at::empty_like(norm) : norm,
                       split_input_linear(shape.hidden_size, queries, parts.output_bias),
                       gated_mlp(shape.intermediate_size, parts.mlp_bias)});
  }
  register_parameters([this](std::int64_t i, const std::string& prefix) {
    add_layer(layers_[static_cast<std::size_t>(i)], prefix);
  });
}

parallel::Shard LlamaModel::kv_heads() const {
  const auto heads = shape().kv_heads();
  const auto& ranks = axes()[ModelAxis::Tensor];
  if (ranks.size() <= heads) return shard(heads);
  return {ranks.rank() * heads / ranks.size(), 1, heads};
}

int LlamaModel::kv_copies() const {
  return std::max<int>(1, axes().size(ModelAxis::Tensor) / static_cast<int>(shape().kv_heads()));
}

CacheLayout LlamaModel::cache_layout() const {
  return {shape().num_hidden_layers, kv_heads().size, shape().head_width(), shape().head_width()};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> LlamaModel::queries_keys_values(
    const LlamaLayer& layer, const at::Tensor& x, const nn::RopeTable& rope) const {
  const auto heads = shard(shape().num_attention_heads).size, kv_heads = this->kv_heads().size,
             width = shape().head_width();
  const auto fused = layer.qkv(x);
  if (!layer.q_norm.defined())
    return kernels::split_and_rotate(fused, rope, heads, kv_heads, width);
  const auto parts =
      fused.view({x.size(0), -1, width}).split_with_sizes({heads, kv_heads, kv_heads}, 1);
  const auto epsilon = shape().rms_norm_eps;
  return {kernels::rotate(head_norm(parts[0], layer.q_norm, epsilon), rope),
          kernels::rotate(head_norm(parts[1], layer.k_norm, epsilon), rope), parts[2]};
}

at::Tensor LlamaModel::attend(std::int64_t index, const at::Tensor& x, const nn::RopeTable& rope,
                              const nn::AttentionMetadata& attention) const {
  const auto& layer = layers_[static_cast<std::size_t>(index)];
  const auto [q, k, v] = queries_keys_values(layer, x, rope);
  const auto mixed = nn::attention(q, k, v, attention, index,
                                   1.0 / std::sqrt(static_cast<double>(shape().head_width())));
  return layer.output(mixed.reshape({mixed.size(0), -1}));
}

at::Tensor LlamaModel::feed_forward(std::int64_t index, const at::Tensor& x,
                                    const at::Tensor& /*token_uses*/) const {
  return layers_[static_cast<std::size_t>(index)].mlp(x);
}

}  // namespace r1::models
