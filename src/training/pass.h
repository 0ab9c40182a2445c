#pragma once
// One forward pass over packed samples: the hidden states that predict completion tokens, and the
// log-probabilities and values computed from these hidden states. Every pass of training and of
// scoring is a Pass.
//
// The ranks of the model's context axis compute one pass together: each rank runs the model over
// its part of the tokens and computes the loss rows whose hidden states it holds. All ranks get the
// log-probabilities and values of all loss rows.
//
// Shape letters: S samples of the batch, L loss rows of the batch (data/packing.h), l of the L rows
// held by this rank, D hidden size. Without a context axis l = L.
#include <ATen/core/Tensor.h>

#include <optional>
#include <span>

#include "data/packing.h"
#include "models/model.h"
#include "parallel/context_split.h"
#include "vocabulary/vocab_logprob.h"

namespace r1::training {

/// A linear layer on the final hidden state: value = hidden . weight + bias.
struct ValueHead {
  at::Tensor weight;  // [1, D]
  at::Tensor bias;    // [1]
};

/// The loss rows of a batch by the ranks of a context axis that hold their hidden states.
struct ContextRows {
  parallel::ContextSplit split;
  at::Tensor held;             // int64 [l]: the loss rows of this rank
  at::Tensor hidden_rows;      // int64 [l]: their places among the rows that this rank computes
  std::int64_t most_held = 0;  // the largest l of a rank
  at::Tensor places;           // int64 [L]: rank * most_held + number among the rank's held rows
};

class Pass {
 public:
  /// Runs the model over the batch. `model` must outlive the pass. With autograd on, the pass must
  /// live until the gradients are computed. `replays_experts`: experts that the batch names are
  /// taken; false: they are only compared (ExpertDecisions in models/model.h). Collective over: the
  /// model's axes.
  Pass(const models::Model& model, data::MicroBatch batch, bool replays_experts = true);
  /// Packs samples[i] for each i in `indices` and runs the model over the packed batch.
  Pass(const models::Model& model, std::span<const data::TrainingSample> samples,
       std::span<const std::int64_t> indices, bool share_prefix, bool replays_experts = true)
      : Pass(model, data::pack(samples, indices, share_prefix), replays_experts) {}
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  const data::MicroBatch& batch() const { return batch_; }
  const models::Model& model() const { return model_; }
  /// [l, D], in the model's dtype.
  const at::Tensor& hidden() const { return hidden_; }
  /// The tokens that the held loss rows predict, int64 [l] on the model's device.
  at::Tensor targets() const { return own(targets_); }
  /// The held rows [l, ...] of something that has a row for each loss row [L, ...].
  at::Tensor own(const at::Tensor& rows) const;
  /// The rows of all ranks [L, ...] from the held rows [l, ...]. The gradient of the result must be
  /// the same on all ranks; the gradient of `held` is its part. Collective over: the context axis.
  at::Tensor whole(const at::Tensor& held) const;
  /// The sum over the ranks of a loss that each rank computed from its held rows. The gradient
  /// passes unchanged. Collective over: the context axis.
  at::Tensor total(const at::Tensor& loss) const;
  /// The number of loss rows of each sample, int64 [S] on the model's device.
  at::Tensor lengths() const;

  /// Log-probabilities of the targets under softmax(logits / temperature), and on request the
  /// entropies, [L]. Collective over: the tensor axis and the context axis.
  vocabulary::VocabLogprobs logprobs(double temperature, bool with_entropy,
                                     std::int64_t chunk_tokens) const;
  /// Values of the loss rows, [L], in the model's dtype. Collective over: the context axis.
  at::Tensor values(const ValueHead& head) const;

 private:
  const models::Model& model_;
  data::MicroBatch batch_;
  std::optional<ContextRows> context_;  // none: this rank holds all tokens
  models::ModelInput input_;
  at::Tensor targets_;  // int64 [L]
  at::Tensor hidden_;
};

}  // namespace r1::training
