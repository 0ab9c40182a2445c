#pragma once
// Rotary position embedding (RoPE): plain, linearly scaled, Llama 3's and YaRN's frequencies.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/rope.h"

namespace r1::nn {

/// Members as in `rope_parameters` / `rope_scaling` of a Hugging Face config.json.
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
  double attention_factor = 0.0;  // yarn, factor of cos and sin; 0: computed
};

/// Angle per position of each rotated pair: head_dim / 2 values. Reference: arXiv 2104.09864;
/// linear, llama3: transformers modeling_rope_utils `_compute_llama3_parameters`; yarn: arXiv
/// 2309.00071, section 3.2, with the rounded ramp of `_compute_yarn_parameters`.
std::vector<double> rope_inverse_frequencies(const RopeConfig& config, std::int64_t head_dim);

/// 0.1 * coefficient * ln(factor) + 1; 1 for factor <= 1. Reference: arXiv 2309.00071, equation 22.
double yarn_mscale(double factor, double coefficient);

/// Factor of cos and sin: 1, except for yarn, whose factor is defined in transformers
/// `_compute_yarn_parameters`.
double rope_attention_factor(const RopeConfig& config);

/// Computes the table of kernels/rope.h: cos and sin of position * frequency, times `factor`.
using kernels::RopeTable;
RopeTable make_rope_table(const at::Tensor& position_ids, const at::Tensor& inverse_frequencies,
                          at::ScalarType model_dtype, double factor = 1.0);

}  // namespace r1::nn
