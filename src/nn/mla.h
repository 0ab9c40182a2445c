#pragma once
// Multi-head latent attention (MLA): keys and values are projections of one small latent vector per
// token.
//
// Shape letters: T tokens, D hidden size, H heads, R latent width (kv_lora_rank), N and P widths of
// the part of a head without and with rotary positions, W width of a head's value, Q width of the
// compressed query.
#include "nn/attention_metadata.h"
#include "nn/linear.h"
#include "nn/rope.h"

namespace r1::nn {

struct LatentDims {
  std::int64_t num_heads = 0;
  std::int64_t latent = 0;  // R
  std::int64_t nope = 0;    // N
  std::int64_t rope = 0;    // P
  std::int64_t value = 0;   // W
};

/// Weights of one layer.
struct LatentAttention {
  LatentDims dims;
  bool interleaved = true;  // rotary pairs are (2i, 2i + 1), as in DeepSeek's files
  double scale = 1.0;       // factor of the scores

  Linear query_down;       // [Q, D]; undefined: queries are not compressed
  at::Tensor query_norm;   // [Q]
  at::Tensor query_up;     // [H (N + P), Q], or [H (N + P), D] for queries that are not compressed
  Linear latent_down;      // [R + P, D]: the latent, and the rotary key shared by all heads
  at::Tensor latent_norm;  // [R]
  at::Tensor latent_up;    // [H (N + W), R]: the keys and values of the heads
  Linear output;           // [D, H W]
};

/// x [T, D] -> [T, D]. Packed batches compute keys and values for every head (expanded form); if
/// there is a cache, they write the R + P numbers [latent, rotary key] of each token to the keys of
/// layer `layer`. Paged batches attend to the cached numbers directly (absorbed form): latent_up is
/// multiplied into the queries and into the outputs, which gives the same scores and sums in
/// another order. Differentiable for packed batches. Reference: DeepSeek-V2, arXiv 2405.04434,
/// section 2.1 and appendix C; transformers 5.17 modeling_deepseek_v3.py.
at::Tensor latent_attention(const LatentAttention& weights, const at::Tensor& x,
                            const RopeTable& rope, const AttentionMetadata& metadata,
                            std::int64_t layer);

}  // namespace r1::nn
