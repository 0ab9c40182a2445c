#pragma once
// CPU loops that give a row of bfloat16 logits its digits back.
#include <cstdint>
#include <vector>

#include "kernels/cpu_math.h"

namespace r1::kernels {

/// Buffers that a thread reuses from row to row.
struct LikelyScratch {
  std::vector<float> hidden;
  std::vector<std::int32_t> ids;
};

/// out[v] = logits[v] widened, and for the row's likeliest ids the fp32 product hidden . weight[v].
/// logits, out: `vocab_size` entries; hidden: `width`; weight: [vocab_size, width], row-major.
void widen_logits(const c10::BFloat16* logits, std::int64_t vocab_size, const c10::BFloat16* hidden,
                  const c10::BFloat16* weight, std::int64_t width, LikelyScratch& scratch,
                  float* out);

}  // namespace r1::kernels
