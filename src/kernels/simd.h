#pragma once
// Building blocks of hand-written CPU loops: versions per instruction set, bfloat16 bits, an
// exponential.
//
// Loops that use these live in source files without torch (raw pointers, `#pragma omp simd`),
// compiled with R1's loop flags (src/CMakeLists.txt). R1_CPU_CLONES compiles a function once per
// instruction set and picks at start: the results of one machine type never depend on the thread
// count.
#include <bit>
#include <cstdint>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define R1_CPU_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define R1_CPU_CLONES  // resolvers of clones run before a sanitizer is ready
#endif

#define R1_INLINE inline __attribute__((always_inline))

namespace r1::kernels {

/// A bfloat16 as its bits.
using Bfloat16Bits = std::uint16_t;

R1_INLINE float to_float(float value) {
  return value;
}
R1_INLINE float to_float(Bfloat16Bits bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

R1_INLINE void store(float* target, float value) {
  *target = value;
}
/// Rounds to nearest even; NaN stays NaN.
R1_INLINE void store(Bfloat16Bits* target, float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  *target = static_cast<Bfloat16Bits>(value != value ? 0x7fc0u : rounded);
}

/// exp(x) for x <= about 0, relative error 2e-7; x below -87 counts as -87; NaN stays NaN.
/// Reference: Cephes expf (range reduction by ln 2 in two parts, polynomial of degree 5).
R1_INLINE float exp_nonpositive(float x) {
  constexpr float kRoundingMagic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  x = x < -87.0f ? -87.0f : x;
  const float shifted = x * 1.44269504088896341f + kRoundingMagic;
  const float n = shifted - kRoundingMagic;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float y = p * (r * r) + r + 1.0f;
  const std::uint32_t power = (std::bit_cast<std::uint32_t>(shifted) << 23) + 0x3f800000u;
  return y * std::bit_cast<float>(power);
}

}  // namespace r1::kernels
