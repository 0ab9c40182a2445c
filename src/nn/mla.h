#pragma once
// Multi-head latent attention: keys and values are projections of one small latent per token.
//
// Shape letters: T tokens, D hidden size, H heads, R latent width (kv_lora_rank), N and P widths of
// a head without and with rotary positions, W width of a head's value, Q width of the compressed
// query.
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
  double scale = 1.0;       // of the scores

  Linear query_down;       // [Q, D]; undefined: queries are not compressed
  at::Tensor query_norm;   // [Q]
  at::Tensor query_up;     // [H (N + P), Q]; of uncompressed queries [H (N + P), D]
  Linear latent_down;      // [R + P, D]: the latent, and the one rotary key of all heads
  at::Tensor latent_norm;  // [R]
  at::Tensor latent_up;    // [H (N + W), R]: keys and values of the heads
  Linear output;           // [D, H W]
};

/// x [T, D] -> [T, D]. Packed batches expand keys and values for every head; with a cache they
/// write [latent, rotary key] of each token, R + P numbers, into the keys of layer `layer`. Paged
/// batches attend to those numbers themselves, with latent_up multiplied into the queries and the
/// outputs: the same scores and sums in another order. Differentiable for packed batches.
/// Reference: DeepSeek-V2, arXiv 2405.04434, section 2.1 and appendix C; transformers 5.17
/// modeling_deepseek_v3.py.
at::Tensor latent_attention(const LatentAttention& weights, const at::Tensor& x,
                            const RopeTable& rope, const AttentionMetadata& metadata,
                            std::int64_t layer);

}  // namespace r1::nn
