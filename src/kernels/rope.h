#pragma once
// Rotary position embedding: rotates the heads of queries and keys by the angles of the tokens'
// positions. nn/rope.h computes the angles.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <tuple>

namespace r1::kernels {

/// Cosines and sines of the angles: [T, head_dim / 2] in fp32 (fp64 for fp64 models), contiguous.
struct RopeTable {
  at::Tensor cos;
  at::Tensor sin;
  // [T, 2, head_dim / 2]: -sin, then sin. Each half of a head is rotated by adding the other half
  // times its row.
  at::Tensor signed_sin;
};

/// Rotates the heads of x [T, N, Dh] as pairs (i, i + Dh/2). `interleaved`: the pairs of x are (2i,
/// 2i + 1), and the result still stores them as (i, i + Dh/2); attention scores do not change,
/// because queries and keys are permuted equally. One CUDA kernel for fp32 and bf16 on GPUs (Dh a
/// multiple of 16), loops on the CPU, else the plain form. Differentiable.
at::Tensor rotate(const at::Tensor& x, const RopeTable& table, bool interleaved = false);

/// Plain ATen form, the reference of the CPU loops and of the CUDA kernel.
at::Tensor rotate_reference(const at::Tensor& x, const RopeTable& table, bool interleaved = false);

/// Splits fused rows [q (H), k (K), v (K)] x head_dim and rotates q and k. qkv [T, (H + 2K) * Dh]
/// -> {q [T, H, Dh], k [T, K, Dh], v [T, K, Dh]}. One CUDA kernel for fp32 and bf16 on GPUs (Dh a
/// multiple of 16), loops on the CPU, else the plain form. Differentiable.
std::tuple<at::Tensor, at::Tensor, at::Tensor> split_and_rotate(const at::Tensor& qkv,
                                                                const RopeTable& table,
                                                                std::int64_t num_heads,
                                                                std::int64_t num_kv_heads,
                                                                std::int64_t head_dim);

/// Plain ATen form, the reference of the other forms.
std::tuple<at::Tensor, at::Tensor, at::Tensor> split_and_rotate_reference(const at::Tensor& qkv,
                                                                          const RopeTable& table,
                                                                          std::int64_t num_heads,
                                                                          std::int64_t num_kv_heads,
                                                                          std::int64_t head_dim);

}  // namespace r1::kernels
