// Row loops of form_logits, written so that the compiler vectorises them.
#include "kernels/logit_row_loops.h"

#include <limits>

namespace r1::kernels {
namespace {

// Logits within this distance of the largest are worth their digits: what lies below has less
// than e^-10 of its probability, and rounding errors of many such entries average out.
constexpr float kMargin = 10.0f;
// A flat row has no few likely ids; its logits are small then, and so are their rounding steps.
constexpr std::int64_t kMostLikely = 256;
constexpr float kLeastMargin = 1.0f;

R1_MULTIVERSION float widen(const c10::BFloat16* logits, std::int64_t size, float* out) {
  float max = -std::numeric_limits<float>::infinity();
#pragma omp simd reduction(max : max)
  for (std::int64_t i = 0; i < size; ++i) {
    const float x = load(logits[i]);
    out[i] = x;
    max = x > max ? x : max;
  }
  return max;
}

R1_MULTIVERSION std::int64_t count_from(const float* row, std::int64_t size, float threshold) {
  std::int64_t count = 0;
#pragma omp simd reduction(+ : count)
  for (std::int64_t i = 0; i < size; ++i) count += row[i] >= threshold;
  return count;
}

R1_MULTIVERSION float dot(const float* a, const c10::BFloat16* b, std::int64_t size) {
  float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < size; ++i) sum += a[i] * load(b[i]);
  return sum;
}

/// Threshold above which at most kMostLikely entries lie; infinity when the row is too flat.
float likely_from(const float* row, std::int64_t size, float max) {
  for (float margin = kMargin; margin >= kLeastMargin; margin *= 0.5f)
    if (count_from(row, size, max - margin) <= kMostLikely) return max - margin;
  return std::numeric_limits<float>::infinity();
}

}  // namespace

void widen_logits(const c10::BFloat16* logits, std::int64_t vocab_size, const c10::BFloat16* hidden,
                  const c10::BFloat16* weight, std::int64_t width, LikelyScratch& scratch,
                  float* out) {
  const float max = widen(logits, vocab_size, out);
  const float threshold = likely_from(out, vocab_size, max);
  if (!(threshold < std::numeric_limits<float>::infinity())) return;  // flat, or not a number
  constexpr std::int64_t kBlock = 64;
  scratch.ids.clear();
  for (std::int64_t begin = 0; begin < vocab_size; begin += kBlock) {
    const std::int64_t end = begin + kBlock < vocab_size ? begin + kBlock : vocab_size;
    if (count_from(out + begin, end - begin, threshold) == 0) continue;
    for (std::int64_t i = begin; i < end; ++i)
      if (out[i] >= threshold) scratch.ids.push_back(static_cast<std::int32_t>(i));
  }
  scratch.hidden.resize(static_cast<std::size_t>(width));
  widen(hidden, width, scratch.hidden.data());
  for (const std::int32_t id : scratch.ids)
    out[id] = dot(scratch.hidden.data(), weight + std::int64_t{id} * width, width);
}

}  // namespace r1::kernels
