#pragma once
// Building blocks of hand-written CPU loops: function versions per instruction set, accumulation
// types, bf16 conversion, an exponential.
//
// The loops are in source files without ATen, on raw pointers with `#pragma omp simd`.
// src/CMakeLists.txt compiles these files with flags of their own.
#include <c10/util/BFloat16.h>

#include <bit>
#include <cmath>
#include <cstdint>

/// Compiles a function once per instruction set and selects a version at start, so that a binary
/// built on a login node runs fast on the compute node. On machines of one type, the results never
/// depend on the number of threads.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define R1_MULTIVERSION \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define R1_MULTIVERSION  // a sanitizer is not ready when version resolvers run
#endif

#define R1_INLINE inline __attribute__((always_inline))

namespace r1::kernels {

/// Accumulator<T> is the type of sums of T: fp32 for bf16 and fp32, fp64 for fp64.
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

R1_INLINE float load(const float& x) {
  return x;
}
R1_INLINE double load(const double& x) {
  return x;
}
R1_INLINE float load(const c10::BFloat16& x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x.x) << 16);
}
R1_INLINE void store(float& to, float x) {
  to = x;
}
R1_INLINE void store(double& to, double x) {
  to = x;
}
/// Rounds to nearest even. The function has no branches, so that the compiler vectorises loops that
/// call it. NaN stays NaN.
R1_INLINE void store(c10::BFloat16& to, float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  to.x = static_cast<std::uint16_t>(x != x ? 0x7FC0u : rounded);
}

/// exp(x) with a relative error below 2e-7 for -87 <= x <= 88. x outside this range is clamped to
/// the range; NaN stays NaN. Loops that call this function vectorise; loops that call std::exp do
/// not without fast-math. Reference: Cephes expf (range reduction by ln 2 in two parts, polynomial
/// of degree 5).
R1_INLINE float exponential(float x) {
  x = x < -87.0f ? -87.0f : (x > 88.0f ? 88.0f : x);
  const float rounded = x * 1.44269504088896341f + 12582912.0f;  // 1.5 * 2^23 rounds to an integer
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
R1_INLINE double exponential(double x) {
  return std::exp(x);
}

}  // namespace r1::kernels
