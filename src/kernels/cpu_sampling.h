#pragma once
// Sampling of one token from a row of logits on the CPU: softmax statistics in two passes, inverse
// CDF in token order.
#include <cstdint>
#include <vector>

#include "kernels/cpu_math.h"

namespace r1::kernels {

/// What to draw from a row.
struct SampleRequest {
  double temperature = 1.0;  // logits / temperature; 0: the largest logit (greedy)
  double top_p = 1.0;        // smallest set of likeliest tokens that has this share of the mass
                             // that top_k left
  std::int64_t top_k = 0;    // 0: all
  double uniform = 0.0;      // in [0, 1)
};

/// The token and its log-probability under softmax(logits / temperature) over the full vocabulary
/// (greedy: at temperature 1); `kept_mass` = probability of the set that top-k/top-p left.
struct SampledToken {
  std::int64_t token = 0;
  double logprob = 0.0;
  double kept_mass = 1.0;
};

/// Buffers that a thread reuses from row to row.
template <class T>
struct SampleScratch {
  std::vector<Accumulator<T>> weights;  // exp(logit - max)
  std::vector<Accumulator<T>>
      block_sums;  // of kSampleBlock tokens each: the inverse CDF skips whole blocks
  std::vector<std::int32_t> order;
};
inline constexpr std::int64_t kSampleBlock = 256;

template <class T>
SampledToken sample_row(const T* logits, std::int64_t vocab_size, const SampleRequest& request,
                        SampleScratch<T>& scratch);

}  // namespace r1::kernels
