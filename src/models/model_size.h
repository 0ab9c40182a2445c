#pragma once
// Parameters, bytes and floating point operations of a model, or of a rank's part of a model,
// computed from the shape alone.
#include <string>

#include "models/options.h"

namespace r1::models {

/// How a model is split (parallel/model_axes.h): heads, widths of MLPs and the vocabulary over tp
/// ranks; routed experts over expert_ranks = tp x ep ranks. Every rank holds routers, norms and the
/// compressions of latent attention whole.
struct Split {
  std::int64_t tp = 1;
  std::int64_t expert_ranks = 1;
};

/// Number of parameters by part, over all layers, on the rank that holds most.
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

/// Number of the parameters that are trained: the adapters of shape.lora, which count as parts of
/// what they adapt, or as count_parameters().
ParameterCounts count_trained_parameters(const ModelShape& shape, const Split& split = {});

/// Parameters of the whole model that one token uses: only num_experts_per_token of the routed
/// experts count.
double active_parameters(const ModelShape& shape);

/// Floating point operations per token in a forward pass of the whole model: 2 for each active
/// parameter in a product (the embedding look-up has none), plus attention over `context` tokens.
double forward_flops_per_token(const ModelShape& shape, double context);

/// The part of forward_flops_per_token in MLPs of dense layers, routers and experts.
double feed_forward_flops_per_token(const ModelShape& shape);

/// Bytes of the KV cache per token, over all layers, on one rank. Latent attention caches the
/// compressed latent, whole on every rank.
double kv_bytes_per_token(const ModelShape& shape, double bytes_per_value, std::int64_t tp = 1);

/// How activations are stored.
struct ActivationForm {
  double value_bytes = 2.0;  // bytes per value of the model's dtype
  bool on_gpu = false;       // with the project's CUDA kernels
  std::int64_t tp = 1;
  bool split_rows = false;  // sequence parallelism: the residual stream is also split over tp
};

/// Bytes per token that a layer keeps for the backward pass, for the layer that keeps most: inputs
/// of norms (fp32) and of products, rotated queries, keys and values of every head, outputs.
/// Reference: in the style of Korthikanti et al., arXiv 2205.05198, section 4, with the tensors of
/// models/decoder.
double layer_activation_bytes(const ModelShape& shape, const ActivationForm& form);

/// The part of layer_activation_bytes in a layer's first half: a norm and attention.
double attention_activation_bytes(const ModelShape& shape, const ActivationForm& form);

/// Bytes per token that a recomputed layer keeps: the residual stream and the output of the layer
/// before.
double layer_input_bytes(const ModelShape& shape, const ActivationForm& form);

}  // namespace r1::models
