#pragma once
// Sampling of one token from a row of logits on the CPU: softmax statistics in two passes, then
// inversion of the CDF in token order.
#include <cstdint>
#include <vector>

#include "kernels/cpu_math.h"

namespace r1::kernels {

/// How to draw a token from a row.
struct SampleRequest {
  double temperature = 1.0;  // logits / temperature; 0: the largest logit (greedy)
  double top_p = 1.0;        // keep the likeliest tokens up to this share of top_k's mass
  std::int64_t top_k = 0;    // 0: all
  double uniform = 0.0;      // in [0, 1)
};

/// A drawn token, the token's log-probability under softmax(logits / temperature) over the full
/// vocabulary (greedy: at temperature 1), and the probability `kept_mass` of the set left by top-k
/// and top-p.
struct SampledToken {
  std::int64_t token = 0;
  double logprob = 0.0;
  double kept_mass = 1.0;
};

/// Buffers that a thread reuses from row to row.
template <class T>
struct SampleScratch {
  std::vector<Accumulator<T>> weights;  // exp(logit - max)
  // Sums of blocks of kSampleBlock tokens, so that the CDF inversion skips whole blocks.
  std::vector<Accumulator<T>> block_sums;
  std::vector<std::int32_t> order;
};
inline constexpr std::int64_t kSampleBlock = 256;

template <class T>
SampledToken sample_row(const T* logits, std::int64_t vocab_size, const SampleRequest& request,
                        SampleScratch<T>& scratch);

}  // namespace r1::kernels
