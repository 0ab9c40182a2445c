#pragma once
// The slots of decode: where each running sequence stands, in tensors on the model's device, and
// the end of a decode step: one token drawn for every slot and appended to it, without the host.
#include <ATen/core/Tensor.h>

#include <vector>

namespace r1::kernels {

/// Rows of DecodeSlots::numbers. The token of a slot is the next one to be fed, at Position, whose
/// key and value go to (Block, Offset) of the cache. Seed and Drawn, the number of tokens drawn so
/// far, say the next random number; at Limit of them a sample ends. Limit 0: the slot is idle; it
/// is fed a token at position 0 of the spare block.
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

/// How tokens are drawn and what ends a sample, as numbers on the slots' device.
struct DrawRules {
  at::Tensor numbers;  // fp64 [kNumDrawRules] (cuda/kernel_table.h)
  at::Tensor end_ids;  // int64, filled up with -1
};

/// What append_tokens says of each row, in rows of a fp64 [4, >= R] tensor: the token (-1: the slot
/// was idle), its log-probability and the kept mass (cpu_sampling.h's SampledToken), and a
/// DrawState of cuda/kernel_table.h.
enum DrawOutput : int { kDrawnToken, kLogprob, kKeptMass, kState, kNumDrawOutputs };

/// Draws a token for the slot of each row of logits [R, V] (fp32, fp64) and advances the slot: row
/// i is that of slot slot_of_row[i] (int64 [R]; undefined: slot i), no slot twice. The random
/// number is base::uniform(seed, drawn), the draw that of cpu_sampling.h; end ids are impossible
/// before the rules' least number of tokens (their logits are overwritten). A slot that ends
/// becomes idle. One CUDA kernel for fp32 on GPUs, which nobody waits for; else sample() and a loop
/// on the host.
void append_tokens(at::Tensor logits, const DecodeSlots& slots, const DrawRules& rules,
                   const at::Tensor& slot_of_row, const at::Tensor& outputs);

/// The form without the CUDA kernel.
void append_tokens_by_host(at::Tensor logits, const DecodeSlots& slots, const DrawRules& rules,
                           const at::Tensor& slot_of_row, const at::Tensor& outputs);

}  // namespace r1::kernels
