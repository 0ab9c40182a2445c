#pragma once
// The k likeliest ids of each token and the log-probabilities of these ids, computed from hidden
// states in chunks of tokens. A teacher sends this compact form of its distribution.
//
// Shapes, dtypes, chunks, memory and split heads are as in vocab_logprob.h. The functions record no
// gradients.
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "vocabulary/vocab_head.h"

namespace r1::vocabulary {

/// k ids of each token, the likeliest first, and the log-probability of all remaining ids.
struct VocabTopK {
  at::Tensor ids;       // [T, k] int32
  at::Tensor logprobs;  // [T, k]
  at::Tensor rest;      // [T] log of the probability of all other ids; always finite
};

/// Finds the k likeliest of the first `num_candidates` ids under softmax(hidden weight^T /
/// temperature) over the full vocabulary. With a split head every rank gets the result: k
/// candidates per rank are gathered, and each chunk needs two small all-reduces. Requires 0 < k <=
/// num_candidates <= vocabulary size. Collective over: head.ranks.
VocabTopK vocab_top_k(const at::Tensor& hidden, const VocabHead& head, std::int64_t k,
                      std::int64_t num_candidates, double temperature,
                      std::int64_t chunk_tokens = 0);

}  // namespace r1::vocabulary
