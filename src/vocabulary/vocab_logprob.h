#pragma once
// Log-probabilities and entropy from hidden states, without ever holding [tokens, vocabulary] for a
// whole batch.
//
// Shapes: T tokens, D model width, V vocabulary, K ids of a token. Logits are hidden * weight^T,
// formed (kernels/logits.h) for chunk_tokens tokens at a time and again in backward;
// softmax statistics are fp32, fp64 for fp64 weights. Results are fp32 (fp64). Gradients go to
// hidden and weight; the weight's is summed over chunks in fp32 before it takes the weight's dtype.
// When no gradient is recorded nothing is kept. chunk_tokens 0: chosen for the device.
// A head that is split over ranks gives every rank the whole result: two small reductions a chunk,
// and in backward one of the hidden states' gradient.
// Collective over: head.ranks.
// Reference: numerics "Log-probabilities and memory".
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

/// token_weight x the sum of -log p(target), a scalar, at temperature 1: a loss whose gradient with
/// respect to each log-prob is known beforehand, so that the logits are formed once, for values and
/// gradient together. Backward may pass it once.
at::Tensor vocab_cross_entropy(const at::Tensor& hidden, const VocabHead& head,
                               const at::Tensor& targets, double token_weight,
                               std::int64_t chunk_tokens = 0);

/// vocab_logprobs for K ids a token, distinct in a row: ids int64 [T, K] -> [T, K].
at::Tensor vocab_logprobs_at(const at::Tensor& hidden, const VocabHead& head, const at::Tensor& ids,
                             double temperature = 1.0, std::int64_t chunk_tokens = 0);

}  // namespace r1::vocabulary
