#pragma once
// A decoder with a linear score head in the place of its vocabulary: reward models on top of Llama,
// Qwen and DeepSeek-V3. Reference: transformers 5.17 modeling_layers.py,
// GenericForSequenceClassification.
#include <span>

#include "models/classifier.h"
#include "models/model.h"

namespace r1::models {

class DecoderClassifier final : public SequenceClassifier {
 public:
  /// `decoder` has no head of its own (tied); `score` [L, D] in its dtype and on its device.
  DecoderClassifier(std::unique_ptr<Model> decoder, at::Tensor score);

  /// The outputs at each sequence's last token.
  at::Tensor classify(const std::vector<ClassifierInput>& inputs) const override;
  std::int64_t num_labels() const override { return score_.size(0); }
  const std::vector<Parameter>& parameters() const override { return parameters_; }
  std::int64_t max_tokens() const override { return decoder_->shape().max_position_embeddings; }
  std::int64_t vocab_size() const override { return decoder_->shape().vocab_size; }

  /// The outputs at every token of one sequence: float32 [n, L] on the CPU.
  at::Tensor values(const ClassifierInput& input) const;

 private:
  /// Outputs at all tokens of the sequences, or at their last ones alone.
  at::Tensor outputs(std::span<const ClassifierInput> inputs, bool last_tokens) const;
  void check(const ClassifierInput& input) const;

  std::unique_ptr<Model> decoder_;
  at::Tensor score_;
  std::vector<Parameter> parameters_;  // the decoder's and the score
};

/// Weights of `folder`: the decoder's and `score.weight` [num_labels, D]. Throws: InputError.
std::unique_ptr<SequenceClassifier> load_decoder_classifier(const std::string& folder,
                                                            at::ScalarType dtype,
                                                            at::Device device);

}  // namespace r1::models
