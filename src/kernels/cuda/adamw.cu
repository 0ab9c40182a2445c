// AdamW over many slots in one launch, and sums of squares in fp64.
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/launchers.cuh"

namespace r1::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kBlockSize = kThreads * 16;  // elements that a block updates

struct Update {
  CudaAdamWFactors factors;
  float decay;

  __device__ __forceinline__ void operator()(float& master, float grad, float& m, float& v) const {
    const float g = grad * factors.grad_scale;
    m = factors.beta1 * m + (1.0f - factors.beta1) * g;
    v = factors.beta2 * v + (1.0f - factors.beta2) * g * g;
    master =
        master * decay - factors.step_size * m / (sqrtf(v) * factors.root_scale + factors.epsilon);
  }
};

__device__ __forceinline__ bool is_aligned(const void* pointer, int bytes) {
  return reinterpret_cast<std::uintptr_t>(pointer) % bytes == 0;
}

__device__ __forceinline__ void update_singly(const CudaAdamWSlot& slot, const Update& update,
                                              std::int64_t begin, std::int64_t end) {
  auto* const model = static_cast<__nv_bfloat16*>(slot.model);
  for (std::int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    update(slot.master[i], slot.grad[i], slot.exp_avg[i], slot.exp_avg_sq[i]);
    if (model != nullptr) model[i] = from_float<__nv_bfloat16>(slot.master[i]);
  }
}

__device__ __forceinline__ void update_in_packs(const CudaAdamWSlot& slot, const Update& update,
                                                std::int64_t begin, std::int64_t end) {
  auto* const model = static_cast<__nv_bfloat16*>(slot.model);
  for (std::int64_t i = begin + threadIdx.x * 4; i < end; i += kThreads * 4) {
    auto master = load_pack<float, 4>(slot.master + i), m = load_pack<float, 4>(slot.exp_avg + i),
         v = load_pack<float, 4>(slot.exp_avg_sq + i);
    const auto grad = load_pack<float, 4>(slot.grad + i);
    Pack<__nv_bfloat16, 4> rounded;
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      update(master.values[k], grad.values[k], m.values[k], v.values[k]);
      rounded.values[k] = from_float<__nv_bfloat16>(master.values[k]);
    }
    store_pack(slot.master + i, master);
    store_pack(slot.exp_avg + i, m);
    store_pack(slot.exp_avg_sq + i, v);
    if (model != nullptr) store_pack(model + i, rounded);
  }
}

/// The slots' blocks stand one after another; first_block[i] is the first of slot i.
struct Blocks {
  CudaAdamWSlot slots[kMostAdamWSlots];
  std::int32_t first_block[kMostAdamWSlots + 1];
};

__global__ void __launch_bounds__(kThreads)
    adamw_kernel(const __grid_constant__ Blocks blocks, int num_slots, CudaAdamWFactors factors) {
  const int block = static_cast<int>(blockIdx.x);
  int low = 0, high = num_slots;  // blocks.first_block[low] <= block < blocks.first_block[high]
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (blocks.first_block[middle] <= block ? low : high) = middle;
  }
  const CudaAdamWSlot& slot = blocks.slots[low];
  const std::int64_t begin = (block - blocks.first_block[low]) * kBlockSize;
  const std::int64_t end = begin + kBlockSize < slot.size ? begin + kBlockSize : slot.size;
  const Update update{factors, slot.decay};
  const bool aligned = is_aligned(slot.master, 16) && is_aligned(slot.grad, 16) &&
                       is_aligned(slot.exp_avg, 16) && is_aligned(slot.exp_avg_sq, 16) &&
                       is_aligned(slot.model, 8);
  const std::int64_t whole = aligned ? begin + (end - begin) / 4 * 4 : begin;
  update_in_packs(slot, update, begin, whole);
  update_singly(slot, update, whole, end);
}

__global__ void __launch_bounds__(kThreads)
    squares_kernel(const float* __restrict__ values, std::int64_t size,
                   double* __restrict__ parts) {
  __shared__ double scratch[kThreads];
  const std::int64_t stride = std::int64_t{gridDim.x} * kThreads;
  double sum = 0.0;
  const std::int64_t first = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  const std::int64_t whole = is_aligned(values, 16) ? size / 4 * 4 : 0;
  for (std::int64_t i = first * 4; i < whole; i += stride * 4) {
    const auto pack = load_pack<float, 4>(values + i);
    // Four squares in fp32: what is lost is far below the digits of a gradient.
    float squares = 0.0f;
#pragma unroll
    for (int k = 0; k < 4; ++k) squares += pack.values[k] * pack.values[k];
    sum += squares;
  }
  for (std::int64_t i = whole + first; i < size; i += stride)
    sum += static_cast<double>(values[i]) * values[i];
  scratch[threadIdx.x] = sum;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) scratch[threadIdx.x] += scratch[threadIdx.x + half];
  }
  if (threadIdx.x == 0) parts[blockIdx.x] = scratch[0];
}

}  // namespace

void adamw(const CudaAdamWSlot* slots, std::int64_t num_slots, const CudaAdamWFactors& factors,
           CudaStream stream) {
  Blocks blocks{};
  std::int64_t num_blocks = 0;
  for (std::int64_t i = 0; i < num_slots; ++i) {
    blocks.slots[i] = slots[i];
    blocks.first_block[i] = static_cast<std::int32_t>(num_blocks);
    num_blocks += (slots[i].size + kBlockSize - 1) / kBlockSize;
  }
  blocks.first_block[num_slots] = static_cast<std::int32_t>(num_blocks);
  if (num_blocks == 0) return;
  adamw_kernel<<<static_cast<unsigned>(num_blocks), kThreads, 0, stream_of(stream)>>>(
      blocks, static_cast<int>(num_slots), factors);
}

void squares(const float* values, std::int64_t size, double* parts, std::int64_t num_parts,
             CudaStream stream) {
  if (num_parts == 0) return;
  squares_kernel<<<static_cast<unsigned>(num_parts), kThreads, 0, stream_of(stream)>>>(values, size,
                                                                                       parts);
}

}  // namespace r1::kernels::cuda
