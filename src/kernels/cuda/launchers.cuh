#pragma once
// Declares the launchers that the .cu files define. kernel_table.h documents each launcher.
#include "kernels/cuda/kernel_table.h"

namespace r1::kernels::cuda {

void add_rms_norm(CudaType type, const void* x, const float* residual, const void* weight,
                  float* sum, void* normed, float* inverse_rms, std::int64_t rows, std::int64_t dim,
                  float epsilon, CudaStream stream);

void add_rms_norm_backward(CudaType type, const void* grad_normed, const float* grad_sum,
                           CudaType sum_type, const void* sum, const void* weight,
                           const float* inverse_rms, void* grad_x, float* grad_residual,
                           float* weight_parts, std::int64_t num_parts, std::int64_t rows,
                           std::int64_t dim, CudaStream stream);

void silu_mul(CudaType type, const void* gate_up, void* y, std::int64_t rows, std::int64_t dim,
              CudaStream stream);

void silu_mul_backward(CudaType type, const void* gate_up, const void* grad_y, void* grad_gate_up,
                       void* y, std::int64_t rows, std::int64_t dim, CudaStream stream);

void split_and_rotate(CudaType type, const void* fused, const float* cosines, const float* sines,
                      void* q, void* k, void* v, std::int64_t rows, std::int64_t num_heads,
                      std::int64_t num_kv_heads, std::int64_t head_dim, CudaStream stream);

void split_and_rotate_backward(CudaType type, const void* grad_q, const void* grad_k,
                               const void* grad_v, const float* cosines, const float* sines,
                               void* grad_fused, std::int64_t rows, std::int64_t num_heads,
                               std::int64_t num_kv_heads, std::int64_t head_dim, CudaStream stream);

void row_statistics(const float* logits, std::int64_t stride, std::int64_t rows, std::int64_t size,
                    const std::int64_t* ids, std::int64_t num_ids, float scale, float* max,
                    float* sum, float* dot, float* at_ids, CudaStream stream);

void row_gradient(const float* logits, std::int64_t stride, std::int64_t rows, std::int64_t size,
                  const std::int64_t* ids, const float* grad_at_ids, const bool* held,
                  std::int64_t num_ids, const float* lse, const float* entropy,
                  const float* grad_entropy, float scale, CudaType out_type, void* out,
                  std::int64_t out_stride, CudaStream stream);

void pair_statistics(const float* student, std::int64_t student_stride, std::int64_t student_size,
                     const float* teacher, std::int64_t teacher_stride, std::int64_t common,
                     std::int64_t rows, float scale, float* out, CudaStream stream);

void pair_gradient(const float* student, std::int64_t student_stride, std::int64_t student_size,
                   const float* teacher, std::int64_t teacher_stride, std::int64_t common,
                   std::int64_t rows, const float* numbers, const std::int64_t* targets,
                   float scale, CudaType out_type, void* out, std::int64_t out_stride,
                   CudaStream stream);

void adamw(const CudaAdamWSlot* slots, std::int64_t num_slots, const CudaAdamWFactors& factors,
           CudaStream stream);

void squares(const float* values, std::int64_t size, double* parts, std::int64_t num_parts,
             CudaStream stream);

void decode_attention(CudaType type, const CudaDecodeAttention& a, CudaStream stream);

void rotate_into_cache(CudaType type, const CudaRotateIntoCache& a, CudaStream stream);

/// decode_attention over a cache of latents.
void latent_attention(const CudaDecodeAttention& a, CudaStream stream);

void latents_into_cache(CudaType type, const CudaLatentsIntoCache& a, CudaStream stream);

void choose_experts(CudaType type, const CudaExpertChoice& a, CudaStream stream);
void place_visits(const CudaExpertVisits& a, CudaStream stream);
void expert_gate_up(const CudaExpertProduct& product, const CudaExpertVisits& visits,
                    CudaStream stream);
void expert_down(const CudaExpertProduct& product, const CudaExpertVisits& visits,
                 CudaStream stream);
void combine_visits(const void* outputs, const float* weights, void* y, std::int64_t rows,
                    std::int64_t top_k, std::int64_t dim, CudaStream stream);

void append_tokens(const CudaDraw& draw, const CudaDecodeSlots& slots, CudaStream stream);

void fill_normal(CudaType type, void* out, const CudaNormalBox& box, CudaStream stream);

void* capture_graph(void (*body)(void*), void* argument, void* pool);
void replay_graph(void* graph);
void drop_graph(void* graph);

}  // namespace r1::kernels::cuda
