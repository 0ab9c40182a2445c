#pragma once
// Log-probabilities and entropy from hidden states. The whole matrix [tokens, vocabulary] of a
// batch is never in memory.
//
// Shapes: T tokens, D model width, V vocabulary, K ids of a token. Logits are hidden * weight^T
// (kernels/logits.h). Logits are computed for chunk_tokens tokens at a time, and computed again in
// the backward pass; chunk_tokens 0 chooses a size for the device. Softmax statistics and results
// are fp32, or fp64 for fp64 weights. Gradients go to hidden and weight; the weight's gradient is
// summed over chunks in fp32 before it is cast to the weight's dtype. Without autograd nothing is
// kept.
// If the head is split over ranks, every rank gets the whole result. Each chunk then needs two
// small all-reduces, and the backward pass one all-reduce of the hidden states' gradient.
// Collective over: head.ranks.
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "vocabulary/vocab_head.h"

namespace r1::vocabulary {

struct VocabLogprobs {
  at::Tensor logprobs;  // [T] log p(target)
  at::Tensor entropy;   // [T] nats; undefined unless asked for
};

/// log p(target) under softmax(hidden weight^T / temperature) over the full vocabulary.
/// hidden [T, D], head [V, D], targets int64 [T].
VocabLogprobs vocab_logprobs(const at::Tensor& hidden, const VocabHead& head,
                             const at::Tensor& targets, double temperature = 1.0,
                             bool with_entropy = false, std::int64_t chunk_tokens = 0);

/// token_weight x the sum of -log p(target), a scalar, at temperature 1. The gradient with respect
/// to each log-probability is known in advance, so the logits are computed once, for values and
/// gradients together. The backward pass may run once.
at::Tensor vocab_cross_entropy(const at::Tensor& hidden, const VocabHead& head,
                               const at::Tensor& targets, double token_weight,
                               std::int64_t chunk_tokens = 0);

/// vocab_logprobs for K distinct ids per token: ids int64 [T, K] -> log-probabilities [T, K].
at::Tensor vocab_logprobs_at(const at::Tensor& hidden, const VocabHead& head, const at::Tensor& ids,
                             double temperature = 1.0, std::int64_t chunk_tokens = 0);

}  // namespace r1::vocabulary
