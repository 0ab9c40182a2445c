#pragma once
// Decode slots: the state of each running sequence in tensors on the model's device, and the end of
// a decode step, which draws one token per slot and appends the token without the host.
#include <ATen/core/Tensor.h>

#include <vector>

namespace r1::kernels {

/// Rows of DecodeSlots::numbers. kToken is the next input token of the slot, at position kPosition;
/// the token's key and value go to (kBlock, kOffset) of the cache. kSeed and kDrawn, the number of
/// tokens drawn so far, determine the next random number. A sample ends when kDrawn reaches kLimit.
/// kLimit 0 marks an idle slot, whose input is a token at position 0 of the spare block.
enum SlotNumber : int {
  kToken,
  kPosition,
  kBlock,
  kOffset,
  kSeed,
  kDrawn,
  kLimit,
  kNumSlotNumbers
};

struct DecodeSlots {
  at::Tensor numbers;      // int64 [kNumSlotNumbers, S]
  at::Tensor contexts;     // int32 [S]: position + 1
  at::Tensor block_table;  // int32 [S, W]
  std::int64_t block_size = 0;
  std::int64_t spare_block = 0;
};

/// Rules that say how tokens are drawn and when a sample ends, as numbers on the slots' device.
struct DrawRules {
  at::Tensor numbers;  // fp64 [kNumDrawRules] (cuda/kernel_table.h)
  at::Tensor end_ids;  // int64, padded with -1
};

/// Rows of the fp64 [4, >= R] output of append_tokens. For each row of logits the output holds the
/// token (-1: idle slot), the token's log-probability, the kept mass (SampledToken in
/// cpu_sampling.h) and a DrawState of cuda/kernel_table.h.
enum DrawOutput : int { kDrawnToken, kLogprob, kKeptMass, kState, kNumDrawOutputs };

/// Draws a token for the slot of each row of logits [R, V] (fp32, fp64) and advances the slot. Row
/// i belongs to slot slot_of_row[i] (int64 [R]; undefined: slot i); no slot occurs twice. The
/// random number is base::uniform(seed, drawn), and the draw is defined in cpu_sampling.h. Until a
/// sample has the least number of tokens in the rules, end ids are impossible: their logits are
/// overwritten. A slot whose sample ends becomes idle. On GPUs fp32 logits take one CUDA kernel,
/// for which the host does not wait; otherwise the function calls sample() and loops on the host.
void append_tokens(at::Tensor logits, const DecodeSlots& slots, const DrawRules& rules,
                   const at::Tensor& slot_of_row, const at::Tensor& outputs);

/// The form without the CUDA kernel.
void append_tokens_by_host(at::Tensor logits, const DecodeSlots& slots, const DrawRules& rules,
                           const at::Tensor& slot_of_row, const at::Tensor& outputs);

}  // namespace r1::kernels
