#include "models/llama/llama.h"

#include <ATen/ATen.h>

#include <cmath>

#include "nn/activation_checkpoint.h"
#include "nn/attention.h"
#include "nn/mlp.h"
#include "nn/rms_norm.h"

namespace r1::models {
namespace {

nn::RopeConfig rope_config(const ModelShape& shape) {
  const auto& scaling = shape.rope_scaling;
  return {scaling.type == "none" ? "default" : scaling.type,
          shape.rope_theta,
          scaling.factor,
          scaling.low_freq_factor,
          scaling.high_freq_factor,
          scaling.original_max_position_embeddings};
}

}  // namespace

LlamaModel::LlamaModel(const ModelShape& shape, at::ScalarType dtype, at::Device device)
    : Model(shape, dtype, device) {
  const auto options = at::TensorOptions(device).dtype(dtype);
  const auto heads = shape.num_attention_heads, kv_heads = shape.kv_heads(),
             head_dim = shape.head_width();
  embedding_ = at::empty({shape.vocab_size, shape.hidden_size}, options);
  for (std::int64_t i = 0; i < shape.num_hidden_layers; ++i)
    layers_.push_back({at::empty({shape.hidden_size}, options),
                       at::empty({(heads + 2 * kv_heads) * head_dim, shape.hidden_size}, options),
                       at::empty({shape.hidden_size, heads * head_dim}, options),
                       at::empty({shape.hidden_size}, options),
                       at::empty({2 * shape.intermediate_size, shape.hidden_size}, options),
                       at::empty({shape.hidden_size, shape.intermediate_size}, options)});
  final_norm_ = at::empty({shape.hidden_size}, options);
  if (!shape.tie_word_embeddings) head_ = at::empty({shape.vocab_size, shape.hidden_size}, options);
  auto frequencies = nn::rope_inverse_frequencies(rope_config(shape), head_dim);
  inverse_frequencies_ = at::tensor(frequencies, at::kDouble).to(device);
  register_parameters();
}

CacheLayout LlamaModel::cache_layout() const {
  return {shape().num_hidden_layers, shape().kv_heads(), shape().head_width()};
}

std::vector<at::Tensor> LlamaModel::layer_forward(std::int64_t index, const at::Tensor& block,
                                                  const at::Tensor& residual,
                                                  const nn::RopeTable& rope,
                                                  const nn::AttentionMetadata& attention) const {
  const auto& layer = layers_[static_cast<std::size_t>(index)];
  const auto& s = shape();
  const auto [stream, normed] = nn::add_rms_norm(block, residual, layer.input_norm, s.rms_norm_eps);
  const auto [q, k, v] = nn::split_and_rotate(at::linear(normed, layer.qkv), rope,
                                              s.num_attention_heads, s.kv_heads(), s.head_width());
  const auto mixed = nn::attention(q, k, v, attention, index,
                                   1.0 / std::sqrt(static_cast<double>(s.head_width())));
  const auto attended = at::linear(mixed.reshape({mixed.size(0), -1}), layer.output);
  const auto [middle, normed_middle] =
      nn::add_rms_norm(attended, stream, layer.post_norm, s.rms_norm_eps);
  return {at::linear(nn::silu_mul(at::linear(normed_middle, layer.gate_up)), layer.down), middle};
}

at::Tensor LlamaModel::forward(const ModelInput& input) const {
  const auto rope = nn::make_rope_table(input.position_ids, inverse_frequencies_, dtype());
  auto block = at::embedding(embedding_, input.token_ids);
  at::Tensor residual;
  for (std::int64_t i = 0; i < shape().num_hidden_layers; ++i) {
    const auto run = [this, i, rope,
                      attention = &input.attention](const std::vector<at::Tensor>& x) {
      return layer_forward(i, x[0], x.size() > 1 ? x[1] : at::Tensor(), rope, *attention);
    };
    std::vector<at::Tensor> inputs{block};
    if (residual.defined()) inputs.push_back(residual);
    const bool recompute = activation_checkpointing() && at::GradMode::is_enabled();
    const auto out = recompute ? nn::checkpointed(run, inputs) : run(inputs);
    block = out[0];
    residual = out[1];
  }
  return nn::add_rms_norm(block, residual, final_norm_, shape().rms_norm_eps).second;
}

}  // namespace r1::models
