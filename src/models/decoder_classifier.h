#pragma once
// A decoder with a linear score head instead of the vocabulary head: reward models on top of Llama,
// Qwen and DeepSeek-V3. Reference: transformers 5.17 modeling_layers.py,
// GenericForSequenceClassification.
#include <span>

#include "models/classifier.h"
#include "models/model.h"

namespace r1::models {

/// Name of the score head in Hugging Face files.
inline constexpr const char* kScoreWeight = "score.weight";

class DecoderClassifier final : public SequenceClassifier {
 public:
  /// `decoder` has tied embeddings and thus no head of its own. `score`: [L, D], in the decoder's
  /// dtype and on the decoder's device.
  DecoderClassifier(std::unique_ptr<Model> decoder, at::Tensor score);

  /// The outputs at the last token of each sequence.
  at::Tensor classify(const std::vector<ClassifierInput>& inputs) const override;
  std::int64_t num_labels() const override { return score_.size(0); }
  const std::vector<Parameter>& parameters() const override { return parameters_; }
  std::int64_t max_tokens() const override { return decoder_->shape().max_position_embeddings; }
  std::int64_t vocab_size() const override { return decoder_->shape().vocab_size; }

  /// The outputs at every token of one sequence: float32 [n, L] on the CPU.
  at::Tensor values(const ClassifierInput& input) const;

 private:
  /// The outputs at all tokens of the sequences, or only at the last token of each sequence.
  at::Tensor outputs(std::span<const ClassifierInput> inputs, bool last_tokens) const;
  void check(const ClassifierInput& input) const;

  std::unique_ptr<Model> decoder_;
  at::Tensor score_;
  std::vector<Parameter> parameters_;  // the decoder's parameters and the score head
};

/// Loads the decoder's weights and `score.weight` [num_labels, D] from `folder`. Throws:
/// InputError.
std::unique_ptr<SequenceClassifier> load_decoder_classifier(const std::string& folder,
                                                            at::ScalarType dtype,
                                                            at::Device device);

}  // namespace r1::models
