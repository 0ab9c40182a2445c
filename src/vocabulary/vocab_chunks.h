#pragma once
// Chunks of tokens, for the functions that compute from logits: chunk sizes, reused buffers, and
// gradients accumulated over chunks. Private to vocabulary/.
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <functional>

#include "vocabulary/vocab_head.h"

namespace r1::vocabulary {

/// Returns the tokens per chunk: `wanted`, or for `wanted` = 0 a size that suits the device. On a
/// CPU, a chunk's logits are about as large as the last-level cache. On an accelerator, a chunk's
/// logits take about 512 MiB in the weights' dtype, and the size is a multiple of 128 tokens, which
/// matrix products prefer. The result lies in [1, max(1, num_tokens)]. The result is equal on all
/// ranks of a split head, because these ranks reduce chunk by chunk.
std::int64_t choose_chunk(std::int64_t wanted, const VocabHead& head, std::int64_t num_tokens);

/// Calls `function(begin, count)` for consecutive chunks of [0, num_tokens).
template <class Function>
void for_each_chunk(std::int64_t num_tokens, std::int64_t chunk, const Function& function) {
  for (std::int64_t begin = 0; begin < num_tokens; begin += chunk)
    function(begin, std::min(chunk, num_tokens - begin));
}

/// Called as function(logits, begin, count) once the values of a chunk are computed. The function
/// may overwrite the logits.
using WithLogits = std::function<void(at::Tensor&, std::int64_t, std::int64_t)>;

/// Computes logits chunk by chunk into one buffer (kernels/logits.h).
class LogitChunks {
 public:
  LogitChunks(const at::Tensor& hidden, const at::Tensor& head_weight, std::int64_t chunk);
  /// Logits [count, V] of the tokens from `begin`, in kernels::statistics_dtype; valid until the
  /// next call.
  at::Tensor form(std::int64_t begin, std::int64_t count);

 private:
  at::Tensor hidden_, weight_, buffer_, narrow_;
};

/// Accumulates the gradients of hidden states and head from the gradients of logits.
class HeadGradients {
 public:
  HeadGradients(const at::Tensor& hidden, const at::Tensor& head_weight, bool need_hidden,
                bool need_weight);
  /// Returns the buffer for the gradient of `count` tokens' logits, [count, V] in the weight's
  /// dtype. The result is undefined if the weight's dtype is the statistics dtype: the gradient
  /// then overwrites the logits.
  at::Tensor narrow(std::int64_t count);
  /// Adds the part of one chunk. `grad_logits`: [count, V] in the weight's dtype, for the tokens
  /// from `begin`.
  void add(const at::Tensor& grad_logits, std::int64_t begin);
  at::Tensor hidden() const { return grad_hidden_; }  // [T, D]; undefined if not needed
  at::Tensor weight() const { return grad_weight_; }  // [V, D]; fp32 for bf16 weights

 private:
  at::Tensor hidden_states_, weight_, grad_hidden_, grad_weight_, narrow_, product_;
};

/// Makes `loss` (a scalar outside the autograd graph) a function of hidden states and head with
/// known gradients. The backward pass multiplies these gradients by the gradient of the loss.
at::Tensor with_gradients(const at::Tensor& loss, const at::Tensor& hidden,
                          const at::Tensor& head_weight, const HeadGradients& gradients);

/// Sums the gradient of the hidden states over the ranks of a split head. Collective over: `ranks`.
void sum_gradient(at::Tensor grad_hidden, Communicator& ranks);

}  // namespace r1::vocabulary
