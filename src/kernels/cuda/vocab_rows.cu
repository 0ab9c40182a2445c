// Softmax statistics of rows of logits in one pass, and the gradient of the rows in one pass. One
// thread block processes one row.
#include "kernels/cuda/launchers.cuh"
#include "kernels/cuda/vocab_rows.cuh"

namespace r1::kernels::cuda {
namespace {

template <bool WithDot>
__global__ void __launch_bounds__(kRowThreads)
    row_statistics_kernel(const float* __restrict__ logits, std::int64_t stride, std::int64_t size,
                          const std::int64_t* __restrict__ ids, std::int64_t num_ids, float scale,
                          float* __restrict__ max, float* __restrict__ sum, float* __restrict__ dot,
                          float* __restrict__ at_ids) {
  __shared__ float scratch[kRowThreads / kWarp];
  const std::int64_t row = blockIdx.x;
  const float* const rows[1] = {logits + row * stride};
  for (std::int64_t k = threadIdx.x; k < num_ids; k += kRowThreads)
    at_ids[row * num_ids + k] = rows[0][ids[row * num_ids + k]] * scale;
  RunningSum running;
  float terms = 0.0f;  // sum of e^(z - max) (z - max)
  for_each_batch(rows, 0, size, starts_packs(logits, stride), [&](const auto& batch) {
    constexpr int kCount = sizeof(batch.values) / sizeof(float);
    float z[kCount];
#pragma unroll
    for (int i = 0; i < kCount; ++i) z[i] = batch.values[0][i] * scale;
    const float before = running.max, old_sum = running.sum;
    const float factor = running.raise(largest(z));
    if (WithDot) terms = factor * (terms + old_sum * (before - running.max));
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const float shifted = z[i] - running.max, e = __expf(shifted);
      running.sum += e;
      if (WithDot) terms += e * shifted;
    }
  });
  const float largest_of_all = block_max(running.max, scratch);
  const float shift = running.max - largest_of_all, factor = __expf(shift);
  if (WithDot) terms = factor * (terms + running.sum * shift);
  const float total = block_total(running.sum * factor, scratch);
  const float total_terms = WithDot ? block_total(terms, scratch) : 0.0f;
  if (threadIdx.x != 0) return;
  max[row] = largest_of_all;
  sum[row] = total;
  if (WithDot) dot[row] = total_terms;
}

/// What a row's gradient is made of: e^(log p) (constant + slope log p), log p = z - lse.
struct RowFactors {
  float scale, lse, constant, slope;

  __device__ __forceinline__ float gradient(float logit) const {
    const float log_p = logit * scale - lse;
    return __expf(log_p) * (constant + slope * log_p);
  }
};

/// `out` may be the logits themselves.
template <class T>
__global__ void __launch_bounds__(kRowThreads)
    row_gradient_kernel(const float* logits, std::int64_t stride, std::int64_t size,
                        const std::int64_t* __restrict__ ids, const float* __restrict__ grad_at_ids,
                        const bool* __restrict__ held, std::int64_t num_ids,
                        const float* __restrict__ lse, const float* __restrict__ entropy,
                        const float* __restrict__ grad_entropy, float scale, T* out,
                        std::int64_t out_stride) {
  const std::int64_t row = blockIdx.x;
  const float* const rows[1] = {logits + row * stride};
  T* const to = out + row * out_stride;
  float grad_all = 0.0f;
  for (std::int64_t k = 0; k < num_ids; ++k) grad_all += grad_at_ids[row * num_ids + k];
  RowFactors factors{scale, lse[row], -scale * grad_all, 0.0f};
  if (grad_entropy != nullptr) {
    factors.slope = -scale * grad_entropy[row];
    factors.constant += factors.slope * entropy[row];
  }
  // Before any of them is overwritten.
  constexpr int kMostIds = 8;  // of a thread
  float at_ids[kMostIds];
#pragma unroll
  for (int i = 0; i < kMostIds; ++i) {
    const std::int64_t k = threadIdx.x + i * kRowThreads;
    if (k < num_ids) at_ids[i] = factors.gradient(rows[0][ids[row * num_ids + k]]);
  }
  if (num_ids > 0) __syncthreads();
  const bool in_packs = starts_packs(logits, stride) && starts_packs(out, out_stride);
  for_each_batch(rows, 0, size, in_packs, [&](const auto& batch) {
    constexpr int kCount = sizeof(batch.values) / sizeof(float);
    float results[kCount];
#pragma unroll
    for (int i = 0; i < kCount; ++i) results[i] = factors.gradient(batch.values[0][i]);
    store_batch(to, batch, results);
  });
  if (num_ids == 0) return;
  __syncthreads();
#pragma unroll
  for (int i = 0; i < kMostIds; ++i) {
    const std::int64_t k = threadIdx.x + i * kRowThreads, index = row * num_ids + k;
    // An id that is not held stands for no column, though it names one.
    if (k < num_ids && (held == nullptr || held[index]))
      to[ids[index]] = from_float<T>(at_ids[i] + scale * grad_at_ids[index]);
  }
}

}  // namespace

void row_statistics(const float* logits, std::int64_t stride, std::int64_t rows, std::int64_t size,
                    const std::int64_t* ids, std::int64_t num_ids, float scale, float* max,
                    float* sum, float* dot, float* at_ids, CudaStream stream) {
  if (rows == 0) return;
  const auto kernel = dot != nullptr ? row_statistics_kernel<true> : row_statistics_kernel<false>;
  kernel<<<static_cast<unsigned>(rows), kRowThreads, 0, stream_of(stream)>>>(
      logits, stride, size, ids, num_ids, scale, max, sum, dot, at_ids);
}

void row_gradient(const float* logits, std::int64_t stride, std::int64_t rows, std::int64_t size,
                  const std::int64_t* ids, const float* grad_at_ids, const bool* held,
                  std::int64_t num_ids, const float* lse, const float* entropy,
                  const float* grad_entropy, float scale, CudaType out_type, void* out,
                  std::int64_t out_stride, CudaStream stream) {
  if (rows == 0) return;
  dispatch_type(out_type, [&](auto value) {
    using T = decltype(value);
    row_gradient_kernel<T><<<static_cast<unsigned>(rows), kRowThreads, 0, stream_of(stream)>>>(
        logits, stride, size, ids, grad_at_ids, held, num_ids, lse, entropy, grad_entropy, scale,
        static_cast<T*>(out), out_stride);
  });
}

}  // namespace r1::kernels::cuda
