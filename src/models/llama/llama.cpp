#include "models/llama/llama.h"

#include <ATen/ATen.h>

#include <cmath>

#include "kernels/rotate_into_cache.h"
#include "nn/attention.h"

namespace r1::models {
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
  const auto held = kv_heads().size;
  return {shape().num_hidden_layers, held,
          shape().head_width(),      shape().head_width(),
          /*values_in_keys=*/false,  shard(shape().num_attention_heads).size / held};
}

at::Tensor LlamaModel::attend(std::int64_t index, const at::Tensor& x, const nn::RopeTable& rope,
                              const nn::AttentionMetadata& attention) const {
  const auto number = static_cast<std::size_t>(index);
  const auto& layer = layers_[number];
  const auto width = shape().head_width();
  const double scale = 1.0 / std::sqrt(static_cast<double>(width));
  const kernels::HeadNorms norms{layer.q_norm, layer.k_norm, shape().rms_norm_eps};
  const auto fused = layer.qkv(x);
  at::Tensor mixed;
  if (const auto* paged = std::get_if<kernels::PagedAttention>(&attention.pattern)) {
    const auto &keys = attention.cache->keys[number], &values = attention.cache->values[number];
    const auto q = kernels::rotate_into_cache(fused, rope, norms, keys, values, attention.places);
    mixed = kernels::paged_attention(q, keys, values, *paged, scale);
  } else {
    const auto [q, k, v] = kernels::split_norm_and_rotate(
        fused, rope, norms, shard(shape().num_attention_heads).size, kv_heads().size, width);
    mixed = nn::attention(q, k, v, attention, index, scale);
  }
  return layer.output(mixed.reshape({mixed.size(0), -1}));
}

at::Tensor LlamaModel::feed_forward(std::int64_t index, const at::Tensor& x,
                                    const ModelInput& /*input*/) const {
  return layers_[static_cast<std::size_t>(index)].mlp(x);
}

}  // namespace r1::models
