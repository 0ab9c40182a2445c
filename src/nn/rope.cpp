#include "nn/rope.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/cpu_dispatch.h"

namespace r1::nn {
namespace {

/// The yarn ramp's ends in pairs of dimensions: below `first` frequencies are kept, above `last`
/// stretched.
std::pair<double, double> yarn_range(const RopeConfig& config, std::int64_t head_dim) {
  const auto dim = static_cast<double>(head_dim);
  const auto pair_of = [&](double rotations) {
    return dim *
           std::log(static_cast<double>(config.original_max_position_embeddings) /
                    (rotations * 2.0 * std::numbers::pi)) /
           (2.0 * std::log(config.theta));
  };
  const double first = std::max(std::floor(pair_of(config.beta_fast)), 0.0);
  double last = std::min(std::ceil(pair_of(config.beta_slow)), dim - 1.0);
  if (first == last) last += 0.001;  // as transformers: no division by zero
  return {first, last};
}

double llama3_frequency(double frequency, const RopeConfig& config) {
  const auto original = static_cast<double>(config.original_max_position_embeddings);
  const double wavelength = 2.0 * std::numbers::pi / frequency;
  if (wavelength > original / config.low_freq_factor) return frequency / config.factor;
  if (wavelength <= original / config.high_freq_factor) return frequency;
  const double smooth = (original / wavelength - config.low_freq_factor) /
                        (config.high_freq_factor - config.low_freq_factor);
  return (1.0 - smooth) * frequency / config.factor + smooth * frequency;
}

}  // namespace

std::vector<double> rope_inverse_frequencies(const RopeConfig& config, std::int64_t head_dim) {
  std::vector<double> frequencies;
  const auto [first, last] = yarn_range(config, head_dim);
  for (std::int64_t i = 0; i < head_dim; i += 2) {
    double frequency =
        std::pow(config.theta, -static_cast<double>(i) / static_cast<double>(head_dim));
    if (config.type == "linear") frequency /= config.factor;
    if (config.type == "llama3") frequency = llama3_frequency(frequency, config);
    if (config.type == "yarn") {
      const double ramp =
          std::clamp((static_cast<double>(i / 2) - first) / (last - first), 0.0, 1.0);
      frequency = frequency / config.factor * ramp + frequency * (1.0 - ramp);
    }
    frequencies.push_back(frequency);
  }
  return frequencies;
}

double yarn_mscale(double factor, double coefficient) {
  return factor <= 1.0 ? 1.0 : 0.1 * coefficient * std::log(factor) + 1.0;
}

double rope_attention_factor(const RopeConfig& config) {
  if (config.type != "yarn") return 1.0;
  if (config.attention_factor > 0.0) return config.attention_factor;
  if (config.mscale == 0.0 || config.mscale_all_dim == 0.0) return yarn_mscale(config.factor, 1.0);
  return yarn_mscale(config.factor, config.mscale) /
         yarn_mscale(config.factor, config.mscale_all_dim);
}

RopeTable make_rope_table(const at::Tensor& position_ids, const at::Tensor& inverse_frequencies,
                          at::ScalarType model_dtype, double factor) {
  const auto dtype = kernels::accumulator_dtype(model_dtype);
  const auto angles =
      position_ids.to(dtype).unsqueeze(1) * inverse_frequencies.to(dtype).unsqueeze(0);
  const auto cos = angles.cos() * factor, sin = angles.sin() * factor;
  return {cos, sin, at::stack({-sin, sin}, 1)};
}

}  // namespace r1::nn
