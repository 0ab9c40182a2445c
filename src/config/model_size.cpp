#include "config/model_size.h"

namespace r1::config {
namespace {

using models::ModelShape;

double attention_of_layer(const ModelShape& shape) {
  const auto d = static_cast<double>(shape.hidden_size);
  const auto heads = static_cast<double>(shape.num_attention_heads);
  const auto width = static_cast<double>(shape.head_width());
  const double q = heads * width;
  const double kv = static_cast<double>(shape.kv_heads()) * width;
  double biases = 0.0;
  if (shape.traits().qkv_bias) biases = q + 2 * kv;
  if (shape.attention_bias) biases = q + 2 * kv + d;
  return d * q + 2 * d * kv + q * d + biases;
}

double latent_attention_of_layer(const ModelShape& shape) {
  const models::LatentAttentionOptions& latent = shape.latent_attention;
  const auto d = static_cast<double>(shape.hidden_size);
  const auto heads = static_cast<double>(shape.num_attention_heads);
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
  if (shape.is_deepseek())
    norms += static_cast<double>(shape.latent_attention.q_lora_rank +
                                 shape.latent_attention.kv_lora_rank);
  return norms;
}

/// Values that a head's queries, keys and values have per token, over all heads.
double attention_values(const ModelShape& shape) {
  const auto heads = static_cast<double>(shape.num_attention_heads);
  if (!shape.is_deepseek())
    return (2 * heads + 2 * static_cast<double>(shape.kv_heads())) *
           static_cast<double>(shape.head_width());
  const models::LatentAttentionOptions& latent = shape.latent_attention;
  return heads * static_cast<double>(2 * (latent.qk_nope_head_dim + latent.qk_rope_head_dim) +
                                     2 * latent.v_head_dim);
}

/// Width of the MLPs that a token goes through in an average layer.
double mlp_width(const ModelShape& shape) {
  const models::ExpertOptions& experts = shape.experts;
  const auto layers = static_cast<double>(shape.num_hidden_layers);
  if (experts.num_experts == 0) return static_cast<double>(shape.intermediate_size);
  const auto dense = static_cast<double>(shape.dense_layers());
  const auto visited =
      static_cast<double>(experts.num_experts_per_token + experts.num_shared_experts);
  return (dense * static_cast<double>(shape.intermediate_size) +
          (layers - dense) * visited * static_cast<double>(experts.moe_intermediate_size)) /
         layers;
}

}  // namespace

double ParameterCounts::total() const {
  return embedding + head + attention + dense_mlp + routed_experts + shared_experts + router +
         norms;
}

ParameterCounts count_parameters(const ModelShape& shape) {
  const models::ExpertOptions& experts = shape.experts;
  const auto d = static_cast<double>(shape.hidden_size);
  const auto layers = static_cast<double>(shape.num_hidden_layers);
  const double sparse_layers =
      experts.num_experts > 0 ? layers - static_cast<double>(shape.dense_layers()) : 0.0;
  const double expert = 3.0 * d * static_cast<double>(experts.moe_intermediate_size);
  const auto num_experts = static_cast<double>(experts.num_experts);

  ParameterCounts counts;
  counts.embedding = static_cast<double>(shape.vocab_size) * d;
  counts.head = shape.tie_word_embeddings ? 0.0 : counts.embedding;
  counts.attention =
      layers * (shape.is_deepseek() ? latent_attention_of_layer(shape) : attention_of_layer(shape));
  const auto inner = static_cast<double>(shape.intermediate_size);
  counts.dense_mlp =
      (layers - sparse_layers) * (3.0 * d * inner + (shape.mlp_bias ? 2.0 * inner + d : 0.0));
  counts.routed_experts = sparse_layers * num_experts * expert;
  counts.shared_experts = sparse_layers * static_cast<double>(experts.num_shared_experts) * expert;
  counts.router = sparse_layers * num_experts * (d + 1.0);  // and the bias of its balance
  counts.norms = layers * norms_of_layer(shape) + d;
  const double idle_experts =
      num_experts > 0 ? num_experts - static_cast<double>(experts.num_experts_per_token) : 0.0;
  counts.active = counts.total() - sparse_layers * idle_experts * expert;
  return counts;
}

double forward_flops_per_token(const ModelShape& shape, double context) {
  const ParameterCounts counts = count_parameters(shape);
  const double multiplied =
      shape.tie_word_embeddings ? counts.active : counts.active - counts.embedding;
  // Scores and weighted values, each 2 x heads x width for every earlier token.
  const double attention = shape.is_deepseek()
                               ? static_cast<double>(shape.num_attention_heads *
                                                     (shape.latent_attention.qk_nope_head_dim +
                                                      shape.latent_attention.qk_rope_head_dim +
                                                      shape.latent_attention.v_head_dim))
                               : 2.0 * static_cast<double>(shape.num_attention_heads) *
                                     static_cast<double>(shape.head_width());
  return 2.0 * multiplied +
         2.0 * attention * context * static_cast<double>(shape.num_hidden_layers);
}

double kv_bytes_per_token(const ModelShape& shape, double bytes_per_value) {
  const double values =
      shape.is_deepseek()
          ? static_cast<double>(shape.latent_attention.kv_lora_rank +
                                shape.latent_attention.qk_rope_head_dim)
          : 2.0 * static_cast<double>(shape.kv_heads()) * static_cast<double>(shape.head_width());
  return values * static_cast<double>(shape.num_hidden_layers) * bytes_per_value;
}

double activation_bytes_per_token(const ModelShape& shape, const std::string& recompute,
                                  double bytes_per_value) {
  const auto d = static_cast<double>(shape.hidden_size);
  const auto layers = static_cast<double>(shape.num_hidden_layers);
  // Kept whole: inputs and outputs of both norms and the residual, q k v and attention's output,
  // gate, up and their product.
  const double whole = 5.0 * d + attention_values(shape) + 3.0 * mlp_width(shape);
  if (recompute == "full") return (layers * d + whole) * bytes_per_value;
  if (recompute == "selective")
    return (layers * (2.0 * d + attention_values(shape)) + whole) * bytes_per_value;
  return layers * whole * bytes_per_value;
}

}  // namespace r1::config
