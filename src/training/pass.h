#pragma once
// One forward pass over packed samples: the hidden states that predict completion tokens, and the
// log-probabilities and values computed from these hidden states. Every pass of training and of
// scoring is a Pass.
//
// Shape letters: S samples of the batch, L loss rows of the batch (data/packing.h), D hidden size.
#include <ATen/core/Tensor.h>

#include <span>

#include "data/packing.h"
#include "models/model.h"
#include "vocabulary/vocab_logprob.h"

namespace r1::training {

/// A linear layer on the final hidden state: value = hidden . weight + bias.
struct ValueHead {
  at::Tensor weight;  // [1, D]
  at::Tensor bias;    // [1]
};

class Pass {
 public:
  /// Runs the model over the batch. `model` must outlive the pass. With autograd on, the pass must
  /// live until the gradients are computed. Collective over: the model's axes.
  Pass(const models::Model& model, data::MicroBatch batch);
  /// Packs samples[i] for each i in `indices` and runs the model over the packed batch.
  Pass(const models::Model& model, std::span<const data::TrainingSample> samples,
       std::span<const std::int64_t> indices, bool share_prefix)
      : Pass(model, data::pack(samples, indices, share_prefix)) {}
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  const data::MicroBatch& batch() const { return batch_; }
  const models::Model& model() const { return model_; }
  /// [L, D], in the model's dtype.
  const at::Tensor& hidden() const { return hidden_; }
  /// The tokens that the loss rows predict, int64 [L] on the model's device.
  at::Tensor targets() const;
  /// The number of loss rows of each sample, int64 [S] on the model's device.
  at::Tensor lengths() const;

  /// Log-probabilities of the targets under softmax(logits / temperature), and on request the
  /// entropies. Collective over: the tensor axis.
  vocabulary::VocabLogprobs logprobs(double temperature, bool with_entropy,
                                     std::int64_t chunk_tokens) const;
  /// Values of the loss rows, [L], in the model's dtype.
  at::Tensor values(const ValueHead& head) const;

 private:
  const models::Model& model_;
  data::MicroBatch batch_;
  models::ModelInput input_;
  at::Tensor hidden_;
};

}  // namespace r1::training
