#pragma once
// Pieces shared by the CPU kernels: accumulation types, a vectorisable exponential, multi-version
// functions.
#include <c10/util/BFloat16.h>

#include <bit>
#include <cmath>
#include <cstdint>

/// Compiles a function once per instruction set and picks one at start, so that a binary built on a
/// login node runs fast on the compute node.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define R1_MULTIVERSION \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define R1_MULTIVERSION
#endif

namespace r1::kernels {

/// Sums of T are held in Accumulator<T>: fp32 for bf16 and fp32, fp64 for fp64.
template <class T>
struct AccumulatorOf {
  using type = float;
};
template <>
struct AccumulatorOf<double> {
  using type = double;
};
template <class T>
using Accumulator = typename AccumulatorOf<T>::type;

inline float load(const float& x) {
  return x;
}
inline double load(const double& x) {
  return x;
}
inline float load(const c10::BFloat16& x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x.x) << 16);
}
inline void store(float& to, float x) {
  to = x;
}
inline void store(double& to, double x) {
  to = x;
}
/// Rounds to nearest even; written without branches so that loops over it vectorise (NaN stays
/// NaN).
inline void store(c10::BFloat16& to, float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  to.x = static_cast<std::uint16_t>(x != x ? 0x7FC0u : rounded);
}

/// exp(x) for x <= 0 or moderate x, relative error below 2e-7; vectorises (std::exp does not
/// without fast-math). Reference: Cephes expf (range reduction by ln 2 in two parts, polynomial of
/// degree 5).
inline float exponential(float x) {
  x = x < -87.0f ? -87.0f : (x > 88.0f ? 88.0f : x);
  const float rounded =
      x * 1.44269504088896341f + 12582912.0f;  // 1.5 * 2^23: rounds to an integer in the low bits
  const float n = rounded - 12582912.0f;
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float y = p * r * r + r + 1.0f;
  const auto scale = (std::bit_cast<std::int32_t>(rounded) - 0x4B400000 + 127) << 23;
  return y * std::bit_cast<float>(scale);
}
inline double exponential(double x) {
  return std::exp(x);
}

}  // namespace r1::kernels
