#pragma once
// The likeliest ids of each token and their log-probabilities, from hidden states, a chunk of
// tokens at a time: what a teacher can say of its distribution in a few numbers a token.
//
// Shapes, dtypes, chunks, memory and split heads as in vocab_logprob.h; without autograd.
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "vocabulary/vocab_head.h"

namespace r1::vocabulary {

/// k ids of each token, the likeliest first, and what they leave over.
struct VocabTopK {
  at::Tensor ids;       // [T, k] int32
  at::Tensor logprobs;  // [T, k]
  at::Tensor rest;      // [T] log of the probability of all other ids; finite, also where it is 0
};

/// The k likeliest of the first `num_candidates` ids under softmax(hidden weight^T / temperature)
/// over the full vocabulary. Of a split head every rank gets the result: k candidates a rank and
/// two small reductions travel. Expects 0 < k <= num_candidates.
/// Collective over: head.ranks.
VocabTopK vocab_top_k(const at::Tensor& hidden, const VocabHead& head, std::int64_t k,
                      std::int64_t num_candidates, double temperature,
                      std::int64_t chunk_tokens = 0);

}  // namespace r1::vocabulary
