#pragma once
// Parameters and bytes of a model, from its shape alone.
#include <string>

#include "models/options.h"

namespace r1::config {

/// Parameters of a model by part; all layers together.
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
  /// Parameters that a token meets: num_experts_per_token of the routed experts.
  double active = 0.0;
};

ParameterCounts count_parameters(const models::ModelShape& shape);

/// Floating point operations of a token in a forward pass: 2 for each active parameter that is
/// multiplied (not the embedding's look-up), and attention over `context` tokens.
double forward_flops_per_token(const models::ModelShape& shape, double context);

/// Bytes of the KV cache for a token, all layers. Latent attention keeps its compressed form.
double kv_bytes_per_token(const models::ModelShape& shape, double bytes_per_value);

/// Bytes of activations that backward needs for a token, all layers, `recompute` as
/// trainer.activation_checkpointing. Counts the tensors that autograd keeps with flash attention.
/// Reference: Korthikanti et al., arXiv 2205.05198, section 4, for gated MLPs and grouped heads.
double activation_bytes_per_token(const models::ModelShape& shape, const std::string& recompute,
                                  double bytes_per_value);

}  // namespace r1::config
