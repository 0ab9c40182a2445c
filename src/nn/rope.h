#pragma once
// Rotary position embedding: plain, linearly scaled, Llama 3's and YaRN's frequencies.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

namespace r1::nn {

/// As in `rope_parameters` / `rope_scaling` of a Hugging Face config.json.
struct RopeConfig {
  std::string type = "default";  // default | linear | llama3 | yarn
  double theta = 10000.0;
  double factor = 1.0;
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  std::int64_t original_max_position_embeddings = 8192;
  double beta_fast = 32.0;
  double beta_slow = 1.0;
  double mscale = 0.0;            // 0: not given
  double mscale_all_dim = 0.0;    // 0: not given
  double attention_factor = 0.0;  // yarn, on cos and sin; 0: from factor and the mscales
};

/// Angles per position of the pairs: head_dim / 2 values.
/// Reference: arXiv 2104.09864; linear, llama3: transformers modeling_rope_utils
/// `_compute_llama3_parameters`; yarn: arXiv 2309.00071, section 3.2, with the rounded ramp of
/// `_compute_yarn_parameters`.
std::vector<double> rope_inverse_frequencies(const RopeConfig& config, std::int64_t head_dim);

/// 0.1 coefficient ln(factor) + 1; 1 for factor <= 1. Reference: arXiv 2309.00071, equation 22.
double yarn_mscale(double factor, double coefficient);

/// Factor on cos and sin: 1 but for yarn, there as transformers `_compute_yarn_parameters`.
double rope_attention_factor(const RopeConfig& config);

/// cos and sin of position * frequency, times `factor`: [T, head_dim / 2] in fp32 (fp64 for fp64
/// models).
struct RopeTable {
  at::Tensor cos;
  at::Tensor sin;
  at::Tensor signed_sin;  // [T, 2, head_dim / 2]: -sin, sin; what each half takes of the other one
};
RopeTable make_rope_table(const at::Tensor& position_ids, const at::Tensor& inverse_frequencies,
                          at::ScalarType model_dtype, double factor = 1.0);

/// Rotates the heads of x [T, N, Dh], pairs (i, i + Dh/2). `interleaved`: the pairs of x are (2i,
/// 2i + 1); the result has them as (i, i + Dh/2) all the same (scores of equally rotated queries
/// and keys do not change). Differentiable.
at::Tensor rotate(const at::Tensor& x, const RopeTable& table, bool interleaved = false);

/// Plain ATen form: the oracle of the CPU kernel, and what GPUs run.
at::Tensor rotate_reference(const at::Tensor& x, const RopeTable& table, bool interleaved = false);

/// Splits fused rows [q (H), k (K), v (K)] x head_dim and rotates q and k.
/// qkv [T, (H + 2K) * Dh] -> {q [T, H, Dh], k [T, K, Dh], v [T, K, Dh]}. Differentiable.
std::tuple<at::Tensor, at::Tensor, at::Tensor> split_and_rotate(const at::Tensor& qkv,
                                                                const RopeTable& table,
                                                                std::int64_t num_heads,
                                                                std::int64_t num_kv_heads,
                                                                std::int64_t head_dim);

/// Plain ATen form: the oracle of the CPU kernel, and what GPUs run.
std::tuple<at::Tensor, at::Tensor, at::Tensor> split_and_rotate_reference(const at::Tensor& qkv,
                                                                          const RopeTable& table,
                                                                          std::int64_t num_heads,
                                                                          std::int64_t num_kv_heads,
                                                                          std::int64_t head_dim);

}  // namespace r1::nn
