// Decode rows of latent attention: the norm of the latent, the rotation of the key and of the
// queries, and the write to the cache. A block of threads processes a row.
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/launchers.cuh"

namespace r1::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kMostValues = 4;  // of a thread: latents of up to 1,024

template <class T>
__global__ void __launch_bounds__(kThreads)
    latents_into_cache_kernel(const __grid_constant__ CudaLatentsIntoCache a) {
  wait_for_previous_kernel();
  __shared__ float scratch[kThreads / kWarp];
  const std::int64_t row = blockIdx.x;
  const int latent = static_cast<int>(a.latent), rope = static_cast<int>(a.rope), half = rope / 2;
  const T* const from = static_cast<const T*>(a.latents) + row * (latent + rope);
  const T* const norm = static_cast<const T*>(a.latent_norm);
  T* const cached =
      static_cast<T*>(a.cache) + (a.blocks[row] * a.block_size + a.offsets[row]) * (latent + rope);
  float values[kMostValues] = {};
  float squares = 0.0f;
#pragma unroll
  for (int i = 0; i < kMostValues; ++i) {
    const int column = static_cast<int>(threadIdx.x) + i * kThreads;
    if (column < latent) values[i] = to_float(from[column]);
    squares += values[i] * values[i];
  }
  const float scale =
      rsqrtf(block_sum<kThreads>(squares, scratch) / static_cast<float>(latent) + a.epsilon);
#pragma unroll
  for (int i = 0; i < kMostValues; ++i) {
    const int column = static_cast<int>(threadIdx.x) + i * kThreads;
    if (column < latent) cached[column] = from_float<T>(values[i] * scale * to_float(norm[column]));
  }
  // The rotary parts of the queries, and the key as one head more.
  const int heads = static_cast<int>(a.num_heads);
  for (int i = threadIdx.x; i < (heads + 1) * half; i += kThreads) {
    const int head = i / half, pair = i % half;
    const T* in = from + latent;
    T* out = cached + latent;
    if (head < heads) {
      const std::int64_t number = row * heads + head;
      in = static_cast<const T*>(a.queries) + number * (a.nope + rope) + a.nope;
      out = static_cast<T*>(a.absorbed) + number * (latent + rope) + latent;
    }
    const float x = to_float(in[a.interleaved ? 2 * pair : pair]),
                y = to_float(in[a.interleaved ? 2 * pair + 1 : pair + half]);
    const float c = a.cosines[row * half + pair], s = a.sines[row * half + pair];
    out[pair] = from_float<T>(x * c - y * s);
    out[pair + half] = from_float<T>(y * c + x * s);
  }
}

}  // namespace

void latents_into_cache(CudaType type, const CudaLatentsIntoCache& a, CudaStream stream) {
  if (a.rows == 0) return;
  dispatch_type(type, [&](auto value) {
    launch_early(latents_into_cache_kernel<decltype(value)>, dim3(static_cast<unsigned>(a.rows)),
                 kThreads, 0, stream, a);
  });
}

}  // namespace r1::kernels::cuda
