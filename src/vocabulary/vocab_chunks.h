#pragma once
// How the functions of vocab_logprob walk over tokens: chunk sizes, reused buffers, gradients of a
// chunk. Private to vocabulary/.
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <functional>

#include "vocabulary/vocab_head.h"

namespace r1::vocabulary {

/// Tokens of a chunk: `wanted`, or for 0 what suits the device (a chunk's logits near the size of
/// a CPU's last-level cache; 512 MiB in the weights' dtype on an accelerator, and a multiple of 128
/// there, as products like it). At least 1; equal on all ranks of a split head, which reduce chunk
/// by chunk.
std::int64_t choose_chunk(std::int64_t wanted, const VocabHead& head, std::int64_t num_tokens);

/// Calls `function(begin, count)` for consecutive chunks of [0, num_tokens).
template <class Function>
void for_each_chunk(std::int64_t num_tokens, std::int64_t chunk, const Function& function) {
  for (std::int64_t begin = 0; begin < num_tokens; begin += chunk)
    function(begin, std::min(chunk, num_tokens - begin));
}

/// What else is done with a chunk's logits once its values are known: function(logits, begin,
/// count). The logits may be overwritten.
using WithLogits = std::function<void(at::Tensor&, std::int64_t, std::int64_t)>;

/// Forms logits chunk by chunk into one buffer (kernels/logits.h).
class LogitChunks {
 public:
  LogitChunks(const at::Tensor& hidden, const at::Tensor& head_weight, std::int64_t chunk);
  /// [count, V] of the tokens from `begin`, in the dtype of statistics; valid until the next call.
  at::Tensor form(std::int64_t begin, std::int64_t count);

 private:
  at::Tensor hidden_, weight_, buffer_, narrow_;
};

/// Collects the gradients of hidden states and head from gradients of logits.
class HeadGradients {
 public:
  HeadGradients(const at::Tensor& hidden, const at::Tensor& head_weight, bool need_hidden,
                bool need_weight);
  /// Where the gradient of `count` tokens' logits is to be written, [count, V] in the weight's
  /// dtype; undefined where that is the dtype of statistics: in place of the logits.
  at::Tensor narrow(std::int64_t count);
  /// `grad_logits` [count, V] in the weight's dtype, of the tokens from `begin`.
  void add(const at::Tensor& grad_logits, std::int64_t begin);
  at::Tensor hidden() const { return grad_hidden_; }  // [T, D]; undefined when not needed
  at::Tensor weight() const { return grad_weight_; }  // [V, D]; fp32 for bf16 weights

 private:
  at::Tensor hidden_states_, weight_, grad_hidden_, grad_weight_, narrow_, product_;
};

/// Makes `loss` (a scalar outside the autograd graph) a function of hidden states and head with
/// known gradients. The backward pass multiplies these gradients by the gradient of the loss.
at::Tensor with_gradients(const at::Tensor& loss, const at::Tensor& hidden,
                          const at::Tensor& head_weight, const HeadGradients& gradients);

/// Sums the hidden states' gradient over the ranks that hold parts of the head. Collective over:
/// `ranks`.
void sum_gradient(at::Tensor grad_hidden, Communicator& ranks);

}  // namespace r1::vocabulary
