#pragma once
// Rotary position embedding: plain and Llama 3's scaled frequencies.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

namespace r1::nn {

/// As in `rope_parameters` / `rope_scaling` of a Hugging Face config.json.
struct RopeConfig {
  std::string type = "default";  // default | llama3
  double theta = 10000.0;
  double factor = 1.0;
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  std::int64_t original_max_position_embeddings = 8192;
};

/// Angles per position of the pairs: head_dim / 2 values.
/// Reference: arXiv 2104.09864; llama3: transformers modeling_rope_utils
/// `_compute_llama3_parameters`.
std::vector<double> rope_inverse_frequencies(const RopeConfig& config, std::int64_t head_dim);

/// cos and sin of position * frequency, [T, head_dim / 2] in fp32 (fp64 for fp64 models).
struct RopeTable {
  at::Tensor cos;
  at::Tensor sin;
};
RopeTable make_rope_table(const at::Tensor& position_ids, const at::Tensor& inverse_frequencies,
                          at::ScalarType model_dtype);

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
