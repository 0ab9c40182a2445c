#pragma once
// Parameters, bytes and operations of a model, or of a rank's part of it, from its shape alone.
#include <string>

#include "models/options.h"

namespace r1::models {

/// How a model is split (parallel/model_axes.h): heads, widths of MLPs and the vocabulary over tp
/// ranks, routed experts over expert_ranks = tp x ep of them. Router, norms and the compressions of
/// latent attention are on every rank.
struct Split {
  std::int64_t tp = 1;
  std::int64_t expert_ranks = 1;
};

/// Parameters by part, all layers together, of the rank that holds most.
struct ParameterCounts {
  double embedding = 0.0;
  double head = 0.0;  // 0: tied to the embedding
  double attention = 0.0;
  double dense_mlp = 0.0;
  double routed_experts = 0.0;
  double shared_experts = 0.0;
  double router = 0.0;
  double norms = 0.0;

  double total() const;
  double without_experts() const { return total() - routed_experts; }
};

ParameterCounts count_parameters(const ModelShape& shape, const Split& split = {});

/// Parameters of the whole model that a token meets: num_experts_per_token of the routed experts.
double active_parameters(const ModelShape& shape);

/// Floating point operations of a token in a forward pass of the whole model: 2 for each active
/// parameter that is multiplied (not the embedding's look-up), and attention over `context` tokens.
double forward_flops_per_token(const ModelShape& shape, double context);

/// The part of them in dense layers' MLPs, routers and experts.
double feed_forward_flops_per_token(const ModelShape& shape);

/// Bytes of the KV cache for a token, all layers, on a rank. Latent attention keeps its compressed
/// form, whole on every rank.
double kv_bytes_per_token(const ModelShape& shape, double bytes_per_value, std::int64_t tp = 1);

/// How activations are kept.
struct ActivationForm {
  double value_bytes = 2.0;  // of the model's dtype
  bool on_gpu = false;       // with the project's CUDA kernels
  std::int64_t tp = 1;
  bool split_rows = false;  // sequence parallelism: the residual stream too is split over tp
};

/// Bytes that a layer keeps for its backward pass, per token, of the layer that keeps most: inputs
/// of norms (fp32) and products, rotated queries, keys and values of every head, outputs.
/// Reference: the idea of Korthikanti et al., arXiv 2205.05198, section 4; the tensors are those of
/// models/decoder.
double layer_activation_bytes(const ModelShape& shape, const ActivationForm& form);

/// The part of them that a layer's first half keeps: a norm and attention.
double attention_activation_bytes(const ModelShape& shape, const ActivationForm& form);

/// What is kept of a layer that is computed again: the residual stream and the output of the layer
/// before it.
double layer_input_bytes(const ModelShape& shape, const ActivationForm& form);

}  // namespace r1::models
