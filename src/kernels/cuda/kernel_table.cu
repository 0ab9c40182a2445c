// The table of launchers (kernel_table.h).
#include "kernels/cuda/kernel_table.h"

#include "kernels/cuda/launchers.cuh"

namespace {

const char* last_error() {
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

constexpr r1::kernels::CudaKernelTable kTable{
    last_error,
    r1::kernels::cuda::add_rms_norm,
    r1::kernels::cuda::add_rms_norm_backward,
    r1::kernels::cuda::silu_mul,
    r1::kernels::cuda::silu_mul_backward,
    r1::kernels::cuda::split_and_rotate,
    r1::kernels::cuda::split_and_rotate_backward,
    r1::kernels::cuda::row_statistics,
    r1::kernels::cuda::row_gradient,
    r1::kernels::cuda::pair_statistics,
    r1::kernels::cuda::pair_gradient,
    r1::kernels::cuda::adamw,
    r1::kernels::cuda::squares,
    r1::kernels::cuda::decode_attention,
    r1::kernels::cuda::rotate_into_cache,
    r1::kernels::cuda::latents_into_cache,
    r1::kernels::cuda::append_tokens,
    r1::kernels::cuda::choose_experts,
    r1::kernels::cuda::place_visits,
    r1::kernels::cuda::expert_gate_up,
    r1::kernels::cuda::expert_down,
    r1::kernels::cuda::combine_visits,
    r1::kernels::cuda::fill_normal,
    r1::kernels::cuda::capture_graph,
    r1::kernels::cuda::replay_graph,
    r1::kernels::cuda::drop_graph,
};

}  // namespace

extern "C" const r1::kernels::CudaKernelTable* r1_cuda_kernel_table(std::uint64_t interface) {
  return interface == r1::kernels::interface_number() ? &kTable : nullptr;
}
