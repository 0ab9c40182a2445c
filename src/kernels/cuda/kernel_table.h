#pragma once
// What the library r1mpi_cuda offers: a launcher for each CUDA kernel. A new kernel is a file
// `src/kernels/cuda/NAME.cu`, a line here, a line in kernel_table.cu, and a row in
// tests/unit/kernels.
//
// Launchers take raw pointers to device memory, sizes in elements, and a stream (a cudaStream_t).
// Launchers return at once: they neither allocate nor wait, so a CUDA graph can capture them.
// Pointers are of contiguous tensors unless a launcher's strides say otherwise.
#include <cstdint>

namespace r1::kernels {

/// Element types that launchers take.
enum class CudaType : int { Float32, BFloat16 };

/// cudaStream_t, without its header.
using CudaStream = void*;

/// A parameter of the AdamW launcher. All fp32 but `model`, which is bf16 or null.
struct CudaAdamWSlot {
  float* master;
  const float* grad;
  float* exp_avg;
  float* exp_avg_sq;
  void* model;
  std::int64_t size;
  float decay;  // 1 - learning rate x weight decay
};
constexpr std::int64_t kMostAdamWSlots = 60;  // of a launch: what its arguments have room for

/// Constants of an AdamW step, bias corrections worked in, as adamw_loops.h has them.
struct CudaAdamWFactors {
  float beta1, beta2;
  float step_size;   // learning rate / (1 - beta1^t)
  float root_scale;  // 1 / sqrt(1 - beta2^t)
  float epsilon;
  float grad_scale;
};

/// Attention of single query tokens over a paged cache (decode). query, output: [rows, num_heads,
/// head_dim]; caches: [blocks, num_kv_heads, block_size, head_dim]; block_table: [rows,
/// table_width], its rows `table_width` apart; context_lengths: [rows], >= 1. num_heads <= 16
/// num_kv_heads, head_dim <= 256. Working memory: parts [rows x num_kv_heads x splits x group x
/// (head_dim + 2)], group = num_heads / num_kv_heads; counters [rows x num_kv_heads], 0 before and
/// after. A row's context is cut into up to `splits` pieces.
struct CudaDecodeAttention {
  const void* query;
  const void* key_cache;
  const void* value_cache;
  void* output;
  const std::int32_t* block_table;
  const std::int32_t* context_lengths;
  float* parts;
  std::int32_t* counters;
  std::int64_t rows, num_heads, num_kv_heads, head_dim, block_size, table_width, splits;
  float scale;
};

/// Decode's fused rows [q (num_heads), k (num_kv_heads), v (num_kv_heads)] x head_dim: query [rows,
/// num_heads, head_dim] gets the rotated queries, the caches (as above) the rotated keys and the
/// values, at (blocks, offsets) [rows]. query_norm, key_norm: [head_dim] weights of a norm before
/// the rotation, or null. cosines, sines: [rows, head_dim / 2]. head_dim <= 256 and even.
struct CudaRotateIntoCache {
  const void* fused;
  const void* query_norm;
  const void* key_norm;
  const float* cosines;
  const float* sines;
  const std::int64_t* blocks;
  const std::int64_t* offsets;
  void* query;
  void* key_cache;
  void* value_cache;
  std::int64_t rows, num_heads, num_kv_heads, head_dim, block_size;
  float epsilon;
};

/// Rows of `numbers` of decode slots (decode_slots.h), as the launcher reads and writes them.
struct CudaDecodeSlots {
  std::int64_t* tokens;
  std::int64_t* positions;
  std::int64_t* blocks;
  std::int64_t* offsets;
  std::int64_t* seeds;
  std::int64_t* drawn;
  std::int64_t* limits;
  std::int32_t* contexts;
  std::int32_t* block_table;  // [slots, table_width]
  std::int64_t table_width, block_size, spare_block;
};

/// Places in `rules`, the numbers that say how tokens are drawn, and what became of a slot.
enum DrawRule : int { kTemperature, kTopP, kTopK, kMinNewTokens, kEndsAtEndIds, kNumDrawRules };
enum DrawState : int { kGoesOn, kEnded, kAtLimit };

/// append_tokens of decode_slots.h. logits: fp32 rows of `size` values, `stride` apart; forbidden
/// ids are overwritten. slot_of_row: [rows], null: row i is slot i. rules: fp64 [kNumDrawRules];
/// end_ids [num_end_ids]; outputs: fp64 [4, output_stride]. size < 2^20.
struct CudaDraw {
  float* logits;
  const std::int64_t* slot_of_row;
  const double* rules;
  const std::int64_t* end_ids;
  double* outputs;
  std::int64_t rows, size, stride, num_end_ids, output_stride;
};

struct CudaKernelTable {
  /// cudaGetLastError(): the text of an error of a launch, or null.
  const char* (*last_error)();

  /// sum = x + residual (residual null: sum = x), normed = sum / rms(sum) * weight.
  /// x, normed: `type` [rows, dim]; residual, sum: fp32 [rows, dim]; weight: `type` [dim];
  /// inverse_rms: fp32 [rows], 1 / sqrt(mean(sum^2) + epsilon). sum and inverse_rms may be null.
  /// dim <= 8,192 and a multiple of 8. Reference: arXiv 1910.07467, equation 4.
  void (*add_rms_norm)(CudaType type, const void* x, const float* residual, const void* weight,
                       float* sum, void* normed, float* inverse_rms, std::int64_t rows,
                       std::int64_t dim, float epsilon, CudaStream stream);

  /// Gradients of add_rms_norm. sum: what was normed, `sum_type` [rows, dim] (fp32, or `type` when
  /// it is x itself); grad_normed, grad_x: `type` [rows, dim]; grad_sum (null: 0), grad_residual
  /// (null: not written): fp32 [rows, dim]; weight_parts: fp32 [num_parts, dim], whose sum over
  /// the parts is the weight's gradient. num_parts >= 1; dim <= 8,192 and a multiple of 8.
  void (*add_rms_norm_backward)(CudaType type, const void* grad_normed, const float* grad_sum,
                                CudaType sum_type, const void* sum, const void* weight,
                                const float* inverse_rms, void* grad_x, float* grad_residual,
                                float* weight_parts, std::int64_t num_parts, std::int64_t rows,
                                std::int64_t dim, CudaStream stream);

  /// y = silu(gate) * up. gate_up: `type` [rows, 2 dim], a row's gate before its up part; y: `type`
  /// [rows, dim]. dim is a multiple of 8.
  void (*silu_mul)(CudaType type, const void* gate_up, void* y, std::int64_t rows, std::int64_t dim,
                   CudaStream stream);

  /// The gradient of silu_mul, and y once more (null: not written).
  void (*silu_mul_backward)(CudaType type, const void* gate_up, const void* grad_y,
                            void* grad_gate_up, void* y, std::int64_t rows, std::int64_t dim,
                            CudaStream stream);

  /// Splits fused rows [q (num_heads), k (num_kv_heads), v (num_kv_heads)] x head_dim, `type`, and
  /// rotates q and k: pairs (i, i + head_dim / 2). cosines, sines: fp32 [rows, head_dim / 2].
  /// head_dim is a multiple of 16. Reference: arXiv 2104.09864.
  void (*split_and_rotate)(CudaType type, const void* fused, const float* cosines,
                           const float* sines, void* q, void* k, void* v, std::int64_t rows,
                           std::int64_t num_heads, std::int64_t num_kv_heads, std::int64_t head_dim,
                           CudaStream stream);
  /// The gradient of `fused` from those of its parts.
  void (*split_and_rotate_backward)(CudaType type, const void* grad_q, const void* grad_k,
                                    const void* grad_v, const float* cosines, const float* sines,
                                    void* grad_fused, std::int64_t rows, std::int64_t num_heads,
                                    std::int64_t num_kv_heads, std::int64_t head_dim,
                                    CudaStream stream);

  /// Softmax statistics of fp32 rows of `size` logits, `stride` apart; z = scale x logit. [rows]:
  /// max of z, sum of e^(z - max), dot (may be null) the sum of e^(z - max) (z - max); at_ids: z at
  /// ids [rows, num_ids].
  void (*row_statistics)(const float* logits, std::int64_t stride, std::int64_t rows,
                         std::int64_t size, const std::int64_t* ids, std::int64_t num_ids,
                         float scale, float* max, float* sum, float* dot, float* at_ids,
                         CudaStream stream);

  /// The gradient with respect to the logits, vocab_rows.h's RowsGradient with fp32 members; held,
  /// entropy and grad_entropy may be null. out: `out_type` [rows, size], out_stride apart, may be
  /// the logits themselves. num_ids <= 4,096.
  void (*row_gradient)(const float* logits, std::int64_t stride, std::int64_t rows,
                       std::int64_t size, const std::int64_t* ids, const float* grad_at_ids,
                       const bool* held, std::int64_t num_ids, const float* lse,
                       const float* entropy, const float* grad_entropy, float scale,
                       CudaType out_type, void* out, std::int64_t out_stride, CudaStream stream);

  /// Statistics of fp32 student and teacher rows over their first `common` ids, z = scale x logit,
  /// and of all student logits unscaled: out [8, rows] = max of student, of teacher, of all
  /// unscaled; sum of e^(z - max) of student, of teacher; the sums of the same exponentials times
  /// (teacher's z - max) - (student's z - max), of student, of teacher; sum over all unscaled.
  void (*pair_statistics)(const float* student, std::int64_t student_stride,
                          std::int64_t student_size, const float* teacher,
                          std::int64_t teacher_stride, std::int64_t common, std::int64_t rows,
                          float scale, float* out, CudaStream stream);

  /// The gradient with respect to the student's logits, distillation_rows.h's PairRowsGradient.
  /// numbers: fp32 [rows, 8] = lse_student, lse_teacher, lse_hard, reverse_kl, forward_weight,
  /// reverse_weight, hard_weight, the hard weight at the target (0: the target is not held).
  /// out: `out_type` [rows, student_size], may be the student's logits themselves.
  void (*pair_gradient)(const float* student, std::int64_t student_stride,
                        std::int64_t student_size, const float* teacher,
                        std::int64_t teacher_stride, std::int64_t common, std::int64_t rows,
                        const float* numbers, const std::int64_t* targets, float scale,
                        CudaType out_type, void* out, std::int64_t out_stride, CudaStream stream);

  /// One AdamW step of up to kMostAdamWSlots slots. `slots` is host memory, read before the return.
  /// Reference: arXiv 1711.05101, algorithm 2.
  void (*adamw)(const CudaAdamWSlot* slots, std::int64_t num_slots, const CudaAdamWFactors& factors,
                CudaStream stream);

  /// parts [num_parts]: sums of squares whose sum is that of all `values`, for a given size and
  /// num_parts in one fixed order.
  void (*squares)(const float* values, std::int64_t size, double* parts, std::int64_t num_parts,
                  CudaStream stream);

  void (*decode_attention)(CudaType type, const CudaDecodeAttention& arguments, CudaStream stream);
  void (*rotate_into_cache)(CudaType type, const CudaRotateIntoCache& arguments, CudaStream stream);
  void (*append_tokens)(const CudaDraw& draw, const CudaDecodeSlots& slots, CudaStream stream);

  /// Captures what body(argument) launches on the current device into a graph, without running it.
  /// body runs twice: at first for real, on the stream that is captured later, so that libraries
  /// and allocators have what they need. `pool`: another graph, or null, whose memory this one
  /// shares: only one of them runs at a time. Waits for the device. Throws: what body throws.
  void* (*capture_graph)(void (*body)(void*), void* argument, void* pool);
  /// Launches a captured graph on the current stream.
  void (*replay_graph)(void* graph);
  void (*drop_graph)(void* graph);
};

}  // namespace r1::kernels

/// The only symbol that the program looks up in r1mpi_cuda.
extern "C" const r1::kernels::CudaKernelTable* r1_cuda_kernel_table();
