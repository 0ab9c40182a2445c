#pragma once
// Device functions shared by the CUDA kernels: 16-byte loads, conversions, reductions over a warp
// and a block, dispatch on the element type.
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/cuda/kernel_table.h"

namespace r1::kernels::cuda {

constexpr int kWarp = 32;

inline cudaStream_t stream_of(CudaStream stream) {
  return static_cast<cudaStream_t>(stream);
}

/// Whether the current device has programmatic dependent launches (compute capability 9.0).
inline bool launches_early() {
  int device = 0, major = 0;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
  return major >= 9;
}

__device__ __forceinline__ float to_float(float x) {
  return x;
}
__device__ __forceinline__ float to_float(__nv_bfloat16 x) {
  return __bfloat162float(x);
}
template <class T>
__device__ __forceinline__ T from_float(float x);
template <>
__device__ __forceinline__ float from_float<float>(float x) {
  return x;
}
template <>
__device__ __forceinline__ __nv_bfloat16 from_float<__nv_bfloat16>(float x) {
  return __float2bfloat16_rn(x);
}

/// N neighbouring values in one access. N * sizeof(T) is 4, 8 or 16 bytes, and pointers are aligned
/// to this size.
template <class T, int N>
struct alignas(sizeof(T) * N) Pack {
  T values[N];
};
template <class T, int N>
__device__ __forceinline__ Pack<T, N> load_pack(const T* from) {
  return *reinterpret_cast<const Pack<T, N>*>(from);
}
template <class T, int N>
__device__ __forceinline__ void store_pack(T* to, const Pack<T, N>& pack) {
  *reinterpret_cast<Pack<T, N>*>(to) = pack;
}

__device__ __forceinline__ float warp_sum(float x) {
#pragma unroll
  for (int offset = kWarp / 2; offset > 0; offset /= 2) x += __shfl_xor_sync(~0u, x, offset);
  return x;
}
__device__ __forceinline__ float warp_max(float x) {
#pragma unroll
  for (int offset = kWarp / 2; offset > 0; offset /= 2)
    x = fmaxf(x, __shfl_xor_sync(~0u, x, offset));
  return x;
}

/// The sum over a block of Threads threads, returned to every thread. `scratch`: shared memory, one
/// float per warp. Threads may write scratch again after the next __syncthreads().
template <int Threads>
__device__ __forceinline__ float block_sum(float x, float* scratch) {
  constexpr int kWarps = Threads / kWarp;
  x = warp_sum(x);
  if (kWarps == 1) return x;
  if (threadIdx.x % kWarp == 0) scratch[threadIdx.x / kWarp] = x;
  __syncthreads();
  float sum = 0.0f;
#pragma unroll
  for (int i = 0; i < kWarps; ++i) sum += scratch[i];
  return sum;
}

/// The first lines of every kernel that launch_early() starts, in all threads: nothing that the
/// kernel before it in the stream writes may be read or written before. The kernel behind it may
/// then be launched too, which waits here in its turn.
__device__ __forceinline__ void wait_for_previous_kernel() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

/// Launches a kernel that begins with wait_for_previous_kernel(), on devices of compute capability
/// 9.0 and up before the kernel in front of it has ended, so that the launch costs no time between
/// the two: a decode step is some hundreds of kernels of a few microseconds. Reference: CUDA C++
/// Programming Guide, "Programmatic Dependent Launch and Synchronization".
template <class... Parameters, class... Arguments>
void launch_early(void (*kernel)(Parameters...), dim3 grid, unsigned threads, std::size_t bytes,
                  CudaStream stream, Arguments... arguments) {
  cudaLaunchAttribute attribute;
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = bytes;
  config.stream = stream_of(stream);
  config.attrs = &attribute;
  config.numAttrs = launches_early() ? 1 : 0;
  cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
}

/// Calls f(T{}) with T = float or __nv_bfloat16. C++17 has no lambda with a template argument list,
/// so the type travels as a value.
template <class F>
void dispatch_type(CudaType type, const F& f) {
  if (type == CudaType::Float32)
    f(float{});
  else
    f(__nv_bfloat16{});
}

}  // namespace r1::kernels::cuda
