#pragma once
// The launchers of the CUDA kernels in the library r1mpi_cuda. A new kernel needs a file
// `src/kernels/cuda/NAME.cu`, a member here, an entry in kernel_table.cu, and a row in
// tests/unit/kernels.
//
// Launchers take raw pointers to device memory, sizes in elements, and a stream (a cudaStream_t).
// Launchers return at once: they neither allocate nor wait, so a CUDA graph can capture them.
// Pointers belong to contiguous tensors unless a launcher takes strides.
#include <cstddef>
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

/// Attention of single query tokens over a paged cache (decode). query: [rows, num_heads,
/// head_dim]; output: [rows, num_heads, value_dim]; caches: [blocks, num_kv_heads, block_size,
/// head_dim]; block_table: [rows, table_width]; context_lengths: [rows], each at least 1. A block
/// of threads handles a set of `group` heads: those of a KV head, group = num_heads / num_kv_heads
/// <= 16, with value_dim = head_dim <= 256. Latent attention: value_cache is key_cache and the
/// values are the first value_dim columns of the keys of its one KV head; bf16, head_dim 576,
/// value_dim 512; group = min(num_heads, 16), of which num_heads is a multiple. Working memory:
/// parts [rows x sets x splits x (group x (value_dim + 2), rounded up to a multiple of 4)];
/// counters [rows x sets], which are 0 before and after a launch. The context of a row is cut into
/// up to `splits` pieces.
struct CudaDecodeAttention {
  const void* query;
  const void* key_cache;
  const void* value_cache;
  void* output;
  const std::int32_t* block_table;
  const std::int32_t* context_lengths;
  float* parts;
  std::int32_t* counters;
  std::int64_t rows, num_heads, num_kv_heads, head_dim, value_dim, block_size, table_width, splits;
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

/// Decode rows of latent attention. queries: [rows, num_heads, nope + rope]; latents: [rows, latent
/// + rope]; latent_norm: [latent] weights of the latents' norm; cosines, sines: [rows, rope / 2].
/// The launcher writes [normed latent, rotated key] to the places (blocks, offsets) [rows] of the
/// cache [blocks, block_size, latent + rope], and the rotated queries to the last `rope` columns of
/// absorbed [rows, num_heads, latent + rope]. interleaved: the pairs that are rotated are (2i, 2i +
/// 1) of the input, and (i, i + rope / 2) of the output.
struct CudaLatentsIntoCache {
  const void* queries;
  const void* latents;
  const void* latent_norm;
  const float* cosines;
  const float* sines;
  const std::int64_t* blocks;
  const std::int64_t* offsets;
  void* absorbed;
  void* cache;
  std::int64_t rows, num_heads, nope, rope, latent, block_size;
  float epsilon;
  bool interleaved;
};

/// The choice of experts (expert_choice.h). x: [rows, dim]; router: [num_experts, dim]; bias: fp32
/// [num_experts]; logits: working memory, fp32 [rows, num_experts]; experts, weights: [rows,
/// top_k]. dim is a multiple of 8; num_experts <= 512, num_groups <= 32, top_k <= 32.
struct CudaExpertChoice {
  const void* x;
  const void* router;
  const float* bias;
  float* logits;
  std::int64_t* experts;
  float* weights;
  std::int64_t rows, dim, num_experts, top_k, num_groups, top_groups;
  float scaling;
  bool normalize;
};

/// Visits of tokens to experts in the order of the experts, of an expert in the order of the
/// tokens. experts: [rows, top_k]. place_visits writes visits [rows x top_k], the numbers of the
/// visits in [rows, top_k], and ends [num_experts], the place behind each expert's last visit.
/// num_experts <= 1,024, num_experts x ceil(rows / 32) <= 8,192.
struct CudaExpertVisits {
  const std::int64_t* experts;
  std::int32_t* visits;
  std::int32_t* ends;
  std::int64_t rows, top_k, num_experts;
};

/// The products of all experts that somebody visits, bf16 with fp32 sums. Gate and up: weights
/// [num_experts, 2 outputs, inputs], whose rows are the gate, then the up projection; input [rows,
/// inputs], of which a visit takes its token's row; output [rows x top_k, outputs] by place = silu
/// (gate) x up. Down: weights [num_experts, outputs, inputs]; input [rows x top_k, inputs] by
/// place; output [rows x top_k, outputs] by the number of the visit. inputs is a multiple of 8.
struct CudaExpertProduct {
  const void* input;
  const void* weights;
  void* output;
  std::int64_t inputs, outputs;
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
  void (*latents_into_cache)(CudaType type, const CudaLatentsIntoCache& arguments,
                             CudaStream stream);
  void (*append_tokens)(const CudaDraw& draw, const CudaDecodeSlots& slots, CudaStream stream);

  void (*choose_experts)(CudaType type, const CudaExpertChoice& arguments, CudaStream stream);
  void (*place_visits)(const CudaExpertVisits& visits, CudaStream stream);
  void (*expert_gate_up)(const CudaExpertProduct& product, const CudaExpertVisits& visits,
                         CudaStream stream);
  void (*expert_down)(const CudaExpertProduct& product, const CudaExpertVisits& visits,
                      CudaStream stream);
  /// y[t] = sum over j of weights[t, j] x outputs[t, j]. outputs: bf16 [rows, top_k, dim]; y: bf16
  /// [rows, dim]; weights: fp32 [rows, top_k]; dim is a multiple of 8.
  void (*combine_visits)(const void* outputs, const float* weights, void* y, std::int64_t rows,
                         std::int64_t top_k, std::int64_t dim, CudaStream stream);

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

/// A number that tells most versions of this header apart: the sizes of what it declares.
constexpr std::uint64_t interface_number() {
  std::uint64_t number = 0;
  for (const std::size_t size :
       {sizeof(CudaKernelTable), sizeof(CudaAdamWSlot), sizeof(CudaAdamWFactors),
        sizeof(CudaDecodeAttention), sizeof(CudaRotateIntoCache), sizeof(CudaLatentsIntoCache),
        sizeof(CudaExpertChoice), sizeof(CudaExpertVisits), sizeof(CudaExpertProduct),
        sizeof(CudaDecodeSlots), sizeof(CudaDraw), sizeof(CudaNormalBox)})
    number = number * 1000003 + size;
  return number;
}

}  // namespace r1::kernels

/// The only symbol that the program looks up in r1mpi_cuda. `interface`: the caller's
/// interface_number(). Null: the library was built from another version of this header.
extern "C" const r1::kernels::CudaKernelTable* r1_cuda_kernel_table(std::uint64_t interface);
