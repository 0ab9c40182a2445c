#pragma once
// One forward pass over packed samples: the hidden states that predict completion tokens, and what
// follows from them. Every pass of training and scoring is one of these.
//
// Shape letters: S samples of the batch, L its loss rows (data/packing.h), D hidden size.
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
  /// Runs the model over the batch. `model` outlives the pass. With gradients, the pass must live
  /// until they are computed. Collective over: the model's axes.
  Pass(const models::Model& model, data::MicroBatch batch);
  /// The same of samples[i] for i in `indices`, packed.
  Pass(const models::Model& model, std::span<const data::TrainingSample> samples,
       std::span<const std::int64_t> indices, bool share_prefix)
      : Pass(model, data::pack(samples, indices, share_prefix)) {}
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  const data::MicroBatch& batch() const { return batch_; }
  const models::Model& model() const { return model_; }
  /// [L, D], in the model's dtype.
  const at::Tensor& hidden() const { return hidden_; }
  /// The tokens that the rows predict, int64 [L] on the model's device.
  at::Tensor targets() const;
  /// How many rows each sample has, int64 [S] on the model's device.
  at::Tensor lengths() const;

  /// Log-probabilities of the targets under softmax(logits / temperature), and the entropies.
  /// Collective over: the tensor axis.
  vocabulary::VocabLogprobs logprobs(double temperature, bool with_entropy,
                                     std::int64_t chunk_tokens) const;
  /// [L], in the model's dtype.
  at::Tensor values(const ValueHead& head) const;

 private:
  const models::Model& model_;
  data::MicroBatch batch_;
  models::ModelInput input_;
  at::Tensor hidden_;
};

}  // namespace r1::training
