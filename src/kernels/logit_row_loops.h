#pragma once
// CPU loops that compute the likeliest entries of a row of bfloat16 logits again in fp32.
#include <cstdint>
#include <vector>

#include "kernels/cpu_math.h"

namespace r1::kernels {

/// Buffers of a thread, reused from row to row.
struct LikelyScratch {
  std::vector<float> hidden;
  std::vector<std::int32_t> ids;
};

/// out[v] is the fp32 product hidden . weight[v] for the row's likeliest ids, and logits[v] widened
/// to fp32 for all other ids. logits, out: `vocab_size` entries; hidden: `width` entries; weight:
/// [vocab_size, width], row-major.
void widen_logits(const c10::BFloat16* logits, std::int64_t vocab_size, const c10::BFloat16* hidden,
                  const c10::BFloat16* weight, std::int64_t width, LikelyScratch& scratch,
                  float* out);

}  // namespace r1::kernels
