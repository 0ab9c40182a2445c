#pragma once
// The random numbers of base/random.h on a GPU.
#include <cstdint>

namespace r1::kernels::cuda {

/// 53 random bits of (seed, counter) in [0, 1), as base::uniform: Philox4x32-10. Reference: Salmon
/// et al., SC'11.
__device__ __forceinline__ double uniform(std::uint64_t seed, std::uint64_t counter) {
  unsigned x[4] = {static_cast<unsigned>(counter), static_cast<unsigned>(counter >> 32), 0, 0};
  unsigned key0 = static_cast<unsigned>(seed), key1 = static_cast<unsigned>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const unsigned high0 = __umulhi(0xD2511F53u, x[0]), low0 = 0xD2511F53u * x[0];
    const unsigned high1 = __umulhi(0xCD9E8D57u, x[2]), low1 = 0xCD9E8D57u * x[2];
    x[0] = high1 ^ x[1] ^ key0;
    x[1] = low1;
    x[2] = high0 ^ x[3] ^ key1;
    x[3] = low0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  const std::uint64_t bits = (static_cast<std::uint64_t>(x[1]) << 32) | x[0];
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

}  // namespace r1::kernels::cuda
