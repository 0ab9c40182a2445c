#include "models/model_size.h"

#include <algorithm>
#include <iterator>

namespace r1::models {
namespace {

/// The largest part of `total` things over `ranks`.
double part(std::int64_t total, std::int64_t ranks) {
  return static_cast<double>((total + ranks - 1) / ranks);
}

double kv_heads_of_rank(const ModelShape& shape, std::int64_t tp) {
  return std::max(1.0, part(shape.kv_heads(), tp));
}

double attention_of_layer(const ModelShape& shape, std::int64_t tp) {
  const auto d = static_cast<double>(shape.hidden_size);
  const auto width = static_cast<double>(shape.head_width());
  const double q = part(shape.num_attention_heads, tp) * width;
  const double kv = kv_heads_of_rank(shape, tp) * width;
  double biases = 0.0;
  if (shape.traits().qkv_bias) biases = q + 2 * kv;
  if (shape.attention_bias) biases = q + 2 * kv + d;
  return d * q + 2 * d * kv + q * d + biases;
}

double latent_attention_of_layer(const ModelShape& shape, std::int64_t tp) {
  const LatentAttentionOptions& latent = shape.latent_attention;
  const auto d = static_cast<double>(shape.hidden_size);
  const double heads = part(shape.num_attention_heads, tp);
  const auto q_rank = static_cast<double>(latent.q_lora_rank);
  const auto kv_rank = static_cast<double>(latent.kv_lora_rank);
  const auto rope = static_cast<double>(latent.qk_rope_head_dim);
  const auto nope = static_cast<double>(latent.qk_nope_head_dim);
  const auto value = static_cast<double>(latent.v_head_dim);
  const double query_width = heads * (nope + rope);
  const double query = q_rank > 0 ? d * q_rank + q_rank * query_width : d * query_width;
  const double biases = shape.attention_bias ? q_rank + kv_rank + rope + d : 0.0;
  return query + biases + d * (kv_rank + rope) + kv_rank * heads * (nope + value) +
         heads * value * d;
}

double norms_of_layer(const ModelShape& shape) {
  double norms = 2.0 * static_cast<double>(shape.hidden_size);
  if (shape.traits().query_key_norm) norms += 2.0 * static_cast<double>(shape.head_width());
  if (shape.has_latent_attention())
    norms += static_cast<double>(shape.latent_attention.q_lora_rank +
                                 shape.latent_attention.kv_lora_rank);
  return norms;
}

/// Values that attention keeps of a token: queries, keys and values of every head as the fused
/// product takes them (of one width), its output, and that output joined for the projection. Flash
/// attention (a GPU's in bf16) takes keys and values once for the heads that share them, and its
/// output is joined.
double attention_values(const ModelShape& shape, const ActivationForm& form) {
  const double heads = part(shape.num_attention_heads, form.tp);
  const auto width = static_cast<double>(shape.head_width());
  if (!shape.has_latent_attention())
    return form.on_gpu && form.value_bytes == 2.0
               ? 2.0 * (heads + kv_heads_of_rank(shape, form.tp)) * width
               : 5.0 * heads * width;
  const LatentAttentionOptions& latent = shape.latent_attention;
  const auto key = static_cast<double>(latent.qk_nope_head_dim + latent.qk_rope_head_dim);
  const auto value = static_cast<double>(latent.v_head_dim);
  const auto compressed =
      static_cast<double>(latent.q_lora_rank + latent.kv_lora_rank + latent.qk_rope_head_dim);
  return heads * (4.0 * std::max(key, value) + value) + 2.0 * compressed;
}

/// Values that the MLP keeps of a token: gate and up, and on a CPU their product, which the GPU's
/// kernel forms again in the backward pass.
double mlp_values(double width, bool on_gpu) {
  return (on_gpu ? 2.0 : 3.0) * width;
}

double mlp_values_of_layer(const ModelShape& shape, const ActivationForm& form) {
  const ExpertOptions& experts = shape.experts;
  // An adapter of down keeps what goes into the product; what a first factor gives is kept too.
  const bool keeps_product = shape.lora.targets("down_proj");
  const auto inner_values = static_cast<double>(
      shape.lora.used() ? shape.lora.r * std::ssize(shape.lora.target_modules) : 0);
  const double dense =
      mlp_values(part(shape.intermediate_size, form.tp), form.on_gpu && !keeps_product) +
      inner_values;
  if (shape.dense_layers() == shape.num_hidden_layers) return dense;
  // A token's visits, which the ranks of a tensor group share: its row goes to the expert and back.
  const double visits =
      static_cast<double>(experts.num_experts_per_token) / static_cast<double>(form.tp);
  const auto inner = static_cast<double>(experts.moe_intermediate_size);
  const double routed =
      visits * (mlp_values(inner, form.on_gpu) + 3.0 * static_cast<double>(shape.hidden_size));
  const double shared = mlp_values(
      part(experts.num_shared_experts * experts.moe_intermediate_size, form.tp), form.on_gpu);
  return std::max(dense, routed + shared);
}

/// Share of the routed experts that work on a token.
double visited_experts(const ModelShape& shape) {
  const ExpertOptions& experts = shape.experts;
  return experts.num_experts == 0 ? 0.0
                                  : static_cast<double>(experts.num_experts_per_token) /
                                        static_cast<double>(experts.num_experts);
}

/// Bytes of a value of the residual stream.
double stream_bytes(const ActivationForm& form) {
  return std::max(4.0, form.value_bytes);
}

/// What a norm keeps of a token: the sum that is normed (fp32), and what goes into the products.
double norm_bytes(const ModelShape& shape, const ActivationForm& form) {
  const double rows = form.split_rows ? 1.0 / static_cast<double>(form.tp) : 1.0;
  return static_cast<double>(shape.hidden_size) * (stream_bytes(form) * rows + form.value_bytes);
}

}  // namespace

double ParameterCounts::total() const {
  return embedding + head + attention + dense_mlp + routed_experts + shared_experts + router +
         norms;
}

ParameterCounts count_parameters(const ModelShape& shape, const Split& split) {
  const ExpertOptions& experts = shape.experts;
  const auto d = static_cast<double>(shape.hidden_size);
  const auto layers = static_cast<double>(shape.num_hidden_layers);
  const double sparse_layers = layers - static_cast<double>(shape.dense_layers());
  const double expert = 3.0 * d * static_cast<double>(experts.moe_intermediate_size);

  ParameterCounts counts;
  counts.embedding = part(shape.vocab_size, split.tp) * d;
  counts.head = shape.tie_word_embeddings ? 0.0 : counts.embedding;
  counts.attention =
      layers * (shape.has_latent_attention() ? latent_attention_of_layer(shape, split.tp)
                                             : attention_of_layer(shape, split.tp));
  const double inner = part(shape.intermediate_size, split.tp);
  counts.dense_mlp =
      (layers - sparse_layers) * (3.0 * d * inner + (shape.mlp_bias ? 2.0 * inner + d : 0.0));
  counts.routed_experts = sparse_layers * part(experts.num_experts, split.expert_ranks) * expert;
  counts.shared_experts =
      sparse_layers * 3.0 * d *
      part(experts.num_shared_experts * experts.moe_intermediate_size, split.tp);
  counts.router = sparse_layers * static_cast<double>(experts.num_experts) *
                  (d + (shape.traits().router_bias ? 1.0 : 0.0));
  counts.norms = layers * norms_of_layer(shape) + d;
  return counts;
}

ParameterCounts count_trained_parameters(const ModelShape& shape, const Split& split) {
  const auto& lora = shape.lora;
  if (!lora.used()) return count_parameters(shape, split);
  const auto d = static_cast<double>(shape.hidden_size);
  const double values = shape.has_latent_attention()
                            ? static_cast<double>(shape.latent_attention.v_head_dim)
                            : static_cast<double>(shape.head_width());
  const double heads = part(shape.num_attention_heads, split.tp) * values;
  const double kv = kv_heads_of_rank(shape, split.tp) * values;
  const double inner = part(shape.intermediate_size, split.tp);
  // A is r x in, B is out x r; a rank holds its part of the split side and the other side whole.
  const auto of = [&](const char* module, double in_and_out) {
    return lora.targets(module) ? static_cast<double>(lora.r) * in_and_out : 0.0;
  };
  const auto layers = static_cast<double>(shape.num_hidden_layers);
  ParameterCounts counts;
  counts.attention = layers * (of("q_proj", d + heads) + of("k_proj", d + kv) +
                               of("v_proj", d + kv) + of("o_proj", heads + d));
  counts.dense_mlp =
      layers * (of("gate_proj", d + inner) + of("up_proj", d + inner) + of("down_proj", inner + d));
  return counts;
}

double active_parameters(const ModelShape& shape) {
  const ParameterCounts counts = count_parameters(shape);
  return counts.without_experts() + counts.routed_experts * visited_experts(shape);
}

double feed_forward_flops_per_token(const ModelShape& shape) {
  const ParameterCounts counts = count_parameters(shape);
  return 2.0 * (counts.dense_mlp + counts.shared_experts + counts.router +
                counts.routed_experts * visited_experts(shape));
}

double forward_flops_per_token(const ModelShape& shape, double context) {
  const double active = active_parameters(shape);
  const double multiplied =
      shape.tie_word_embeddings ? active : active - count_parameters(shape).embedding;
  // Scores and weighted values, each 2 x heads x width for every earlier token.
  const double attention = shape.has_latent_attention()
                               ? static_cast<double>(shape.num_attention_heads *
                                                     (shape.latent_attention.qk_nope_head_dim +
                                                      shape.latent_attention.qk_rope_head_dim +
                                                      shape.latent_attention.v_head_dim))
                               : 2.0 * static_cast<double>(shape.num_attention_heads) *
                                     static_cast<double>(shape.head_width());
  return 2.0 * multiplied +
         2.0 * attention * context * static_cast<double>(shape.num_hidden_layers);
}

double kv_bytes_per_token(const ModelShape& shape, double bytes_per_value, std::int64_t tp) {
  const double values =
      shape.has_latent_attention()
          ? static_cast<double>(shape.latent_attention.kv_lora_rank +
                                shape.latent_attention.qk_rope_head_dim)
          : 2.0 * kv_heads_of_rank(shape, tp) * static_cast<double>(shape.head_width());
  return values * static_cast<double>(shape.num_hidden_layers) * bytes_per_value;
}

double layer_activation_bytes(const ModelShape& shape, const ActivationForm& form) {
  return attention_activation_bytes(shape, form) + norm_bytes(shape, form) +
         form.value_bytes * mlp_values_of_layer(shape, form);
}

double attention_activation_bytes(const ModelShape& shape, const ActivationForm& form) {
  const double softmax = 4.0 * part(shape.num_attention_heads, form.tp);
  return norm_bytes(shape, form) + softmax + form.value_bytes * attention_values(shape, form);
}

double layer_input_bytes(const ModelShape& shape, const ActivationForm& form) {
  const double rows = form.split_rows ? 1.0 / static_cast<double>(form.tp) : 1.0;
  return rows * static_cast<double>(shape.hidden_size) * (stream_bytes(form) + form.value_bytes);
}

}  // namespace r1::models
