#pragma once
// The launchers of the CUDA kernels in the library r1mpi_cuda. A new kernel needs a file
// `src/kernels/cuda/NAME.cu`, a member here, an entry in kernel_table.cu, and a row in
// tests/unit/kernels.
//
// Launchers take raw pointers to device memory, sizes in elements, and a stream (a cudaStream_t).
// Launchers return at once: they neither allocate nor wait, so a CUDA graph can capture them.
// Pointers belong to contiguous tensors unless a launcher takes strides.
#include <cstdint>

namespace r1::kernels {

/// Element types that launchers take.
enum class CudaType : int { Float32, BFloat16 };

/// A cudaStream_t, without including its header.
using CudaStream = void*;

/// A parameter for the AdamW launcher. All pointers are to fp32 values, except `model`, which is
/// bf16 or null.
struct CudaAdamWSlot {
  float* master;
  const float* grad;
  float* exp_avg;
  float* exp_avg_sq;
  void* model;
  std::int64_t size;
  float decay;  // 1 - learning rate x weight decay
};
constexpr std::int64_t kMostAdamWSlots = 60;  // per launch: limit of the kernel's argument space

/// Constants of an AdamW step, which include the bias corrections, as in adamw_loops.h.
struct CudaAdamWFactors {
  float beta1, beta2;
  float step_size;   // learning rate / (1 - beta1^t)
  float root_scale;  // 1 / sqrt(1 - beta2^t)
  float epsilon;
  float grad_scale;
};

/// Attention of single query tokens over a paged cache (decode). query, output: [rows, num_heads,
/// head_dim]; caches: [blocks, num_kv_heads, block_size, head_dim]; block_table: [rows,
/// table_width]; context_lengths: [rows], each at least 1. num_heads <= 16 num_kv_heads, head_dim
/// <= 256. Working memory: parts [rows x num_kv_heads x splits x group x (head_dim + 2)], with
/// group = num_heads / num_kv_heads; counters [rows x num_kv_heads], which are 0 before and after a
/// launch. The context of a row is cut into up to `splits` pieces.
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

/// Fused rows of decode [q (num_heads), k (num_kv_heads), v (num_kv_heads)] x head_dim. The
/// launcher writes the rotated queries to query [rows, num_heads, head_dim], and the rotated keys
/// and the values to the places (blocks, offsets) [rows] of the caches, shaped as in
/// CudaDecodeAttention. query_norm, key_norm: [head_dim] weights of a norm before the rotation, or
/// null. cosines, sines: [rows, head_dim / 2]. head_dim is even and <= 256.
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

/// The rows of DecodeSlots::numbers and the other tensors of DecodeSlots (decode_slots.h), which
/// the launcher reads and writes.
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

/// DrawRule: indices into `rules`, which say how tokens are drawn. DrawState: the state of a slot
/// after a draw.
enum DrawRule : int { kTemperature, kTopP, kTopK, kMinNewTokens, kEndsAtEndIds, kNumDrawRules };
enum DrawState : int { kGoesOn, kEnded, kAtLimit };

/// Arguments of append_tokens (decode_slots.h). logits: fp32 rows of `size` values, `stride`
/// elements apart; the launcher overwrites the logits of forbidden ids. slot_of_row: [rows]; null:
/// row i belongs to slot i. rules: fp64 [kNumDrawRules]; end_ids: [num_end_ids]; outputs: fp64 [4,
/// output_stride]. size < 2^20.
struct CudaDraw {
  float* logits;
  const std::int64_t* slot_of_row;
  const double* rules;
  const std::int64_t* end_ids;
  double* outputs;
  std::int64_t rows, size, stride, num_end_ids, output_stride;
};

/// A box of a matrix of `whole_columns` columns, whose numbers are functions of the seed and of the
/// place in the whole matrix (random_matrix.h).
struct CudaNormalBox {
  std::uint64_t seed;
  double standard_deviation;
  std::int64_t rows, columns, first_row, first_column, whole_columns;
};

struct CudaKernelTable {
  /// The text of cudaGetLastError() after a launch, or null without an error.
  const char* (*last_error)();

  /// sum = x + residual (residual null: sum = x), normed = sum / rms(sum) * weight.
  /// x, normed: `type` [rows, dim]; residual, sum: fp32 [rows, dim]; weight: `type` [dim];
  /// inverse_rms: fp32 [rows], 1 / sqrt(mean(sum^2) + epsilon). sum and inverse_rms may be null.
  /// dim <= 8,192 and a multiple of 8. Reference: arXiv 1910.07467, equation 4.
  void (*add_rms_norm)(CudaType type, const void* x, const float* residual, const void* weight,
                       float* sum, void* normed, float* inverse_rms, std::int64_t rows,
                       std::int64_t dim, float epsilon, CudaStream stream);

  /// The gradients of add_rms_norm. sum: the normed tensor, `sum_type` [rows, dim] (fp32, or `type`
  /// if x itself was normed); grad_normed, grad_x: `type` [rows, dim]; grad_sum (null: 0),
  /// grad_residual (null: not written): fp32 [rows, dim]; weight_parts: fp32 [num_parts, dim],
  /// whose sum over the parts is the weight's gradient. num_parts >= 1; dim <= 8,192 and a multiple
  /// of 8.
  void (*add_rms_norm_backward)(CudaType type, const void* grad_normed, const float* grad_sum,
                                CudaType sum_type, const void* sum, const void* weight,
                                const float* inverse_rms, void* grad_x, float* grad_residual,
                                float* weight_parts, std::int64_t num_parts, std::int64_t rows,
                                std::int64_t dim, CudaStream stream);

  /// y = silu(gate) * up. gate_up: `type` [rows, 2 dim], whose rows are [gate, up]; y: `type`
  /// [rows, dim]. dim is a multiple of 8.
  void (*silu_mul)(CudaType type, const void* gate_up, void* y, std::int64_t rows, std::int64_t dim,
                   CudaStream stream);

  /// The gradient of silu_mul. `y` receives silu(gate) * up again, unless `y` is null.
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
  /// Computes the gradient of `fused` from the gradients of q, k and v.
  void (*split_and_rotate_backward)(CudaType type, const void* grad_q, const void* grad_k,
                                    const void* grad_v, const float* cosines, const float* sines,
                                    void* grad_fused, std::int64_t rows, std::int64_t num_heads,
                                    std::int64_t num_kv_heads, std::int64_t head_dim,
                                    CudaStream stream);

  /// Softmax statistics of fp32 rows of `size` logits, `stride` elements apart; z = scale x logit.
  /// Outputs [rows]: max of z; sum of e^(z - max); dot (may be null), the sum of e^(z - max) (z -
  /// max). at_ids [rows, num_ids]: z at `ids` [rows, num_ids].
  void (*row_statistics)(const float* logits, std::int64_t stride, std::int64_t rows,
                         std::int64_t size, const std::int64_t* ids, std::int64_t num_ids,
                         float scale, float* max, float* sum, float* dot, float* at_ids,
                         CudaStream stream);

  /// The gradient with respect to the logits. The arguments are the members of RowsGradient
  /// (vocab_rows.h) in fp32; held, entropy and grad_entropy may be null. out: `out_type` [rows,
  /// size], rows out_stride elements apart; `out` may be the logits themselves. num_ids <= 4,096.
  void (*row_gradient)(const float* logits, std::int64_t stride, std::int64_t rows,
                       std::int64_t size, const std::int64_t* ids, const float* grad_at_ids,
                       const bool* held, std::int64_t num_ids, const float* lse,
                       const float* entropy, const float* grad_entropy, float scale,
                       CudaType out_type, void* out, std::int64_t out_stride, CudaStream stream);

  /// Statistics of fp32 student and teacher rows over the first `common` ids with z = scale x
  /// logit, and of all student logits with z = logit. The rows of out [8, rows] are: max of z of
  /// student, of teacher, of all student logits; sum of e^(z - max) of student, of teacher; the
  /// same two sums with each term multiplied by (teacher's z - max) - (student's z - max); sum of
  /// e^(z - max) over all student logits.
  void (*pair_statistics)(const float* student, std::int64_t student_stride,
                          std::int64_t student_size, const float* teacher,
                          std::int64_t teacher_stride, std::int64_t common, std::int64_t rows,
                          float scale, float* out, CudaStream stream);

  /// The gradient with respect to the student's logits (PairRowsGradient in distillation_rows.h).
  /// numbers: fp32 [rows, 8] = lse_student, lse_teacher, lse_hard, reverse_kl, forward_weight,
  /// reverse_weight, hard_weight, and the hard weight at the target (0 if the target is not held).
  /// out: `out_type` [rows, student_size]; `out` may be the student's logits themselves.
  void (*pair_gradient)(const float* student, std::int64_t student_stride,
                        std::int64_t student_size, const float* teacher,
                        std::int64_t teacher_stride, std::int64_t common, std::int64_t rows,
                        const float* numbers, const std::int64_t* targets, float scale,
                        CudaType out_type, void* out, std::int64_t out_stride, CudaStream stream);

  /// One AdamW step of up to kMostAdamWSlots slots. `slots` is host memory, which the launcher
  /// reads before it returns. Reference: arXiv 1711.05101, algorithm 2.
  void (*adamw)(const CudaAdamWSlot* slots, std::int64_t num_slots, const CudaAdamWFactors& factors,
                CudaStream stream);

  /// Writes partial sums of squares to parts [num_parts]; the caller adds the partial sums. For a
  /// given size and num_parts the order of summation is fixed.
  void (*squares)(const float* values, std::int64_t size, double* parts, std::int64_t num_parts,
                  CudaStream stream);

  void (*decode_attention)(CudaType type, const CudaDecodeAttention& arguments, CudaStream stream);
  void (*rotate_into_cache)(CudaType type, const CudaRotateIntoCache& arguments, CudaStream stream);
  void (*append_tokens)(const CudaDraw& draw, const CudaDecodeSlots& slots, CudaStream stream);

  /// out: `type` [box.rows, box.columns]. Computes in fp64.
  void (*fill_normal)(CudaType type, void* out, const CudaNormalBox& box, CudaStream stream);

  /// Captures the launches of body(argument) on the current device into a graph, without running
  /// the graph. body runs twice: first for real, on the stream of the later capture, so that
  /// libraries and allocators have their memory. `pool`: another graph, or null, whose memory the
  /// new graph shares; only one of two such graphs runs at a time. Waits for the device. Throws:
  /// exceptions of body.
  void* (*capture_graph)(void (*body)(void*), void* argument, void* pool);
  /// Launches a captured graph on the current stream.
  void (*replay_graph)(void* graph);
  void (*drop_graph)(void* graph);
};

}  // namespace r1::kernels

/// The only symbol that the program looks up in r1mpi_cuda.
extern "C" const r1::kernels::CudaKernelTable* r1_cuda_kernel_table();
