#pragma once
// BERT with a classification head: the toxicity classifier of SFT 2, one sigmoid per label.
// Reference: Devlin et al., arXiv 1810.04805; transformers 5.17 modeling_bert.py
// (BertForSequenceClassification: post-norm, exact gelu, tanh pooler on the first token).
//
// Shape letters: N sequences, T tokens of the longest sequence, D hidden size, H heads, L labels.
#include <ATen/core/Tensor.h>

#include <nlohmann/json_fwd.hpp>

#include "models/classifier.h"
#include "models/model.h"
#include "models/weights.h"

namespace r1::models {

/// The shape, with the names of a Hugging Face config.json.
struct BertShape {
  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t num_hidden_layers = 0;
  std::int64_t num_attention_heads = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t max_position_embeddings = 0;
  std::int64_t type_vocab_size = 2;
  std::int64_t num_labels = 2;
  double layer_norm_eps = 1e-12;
};

/// Throws: InputError naming `file`, the key, the expected and the found value.
BertShape bert_shape(const nlohmann::json& config, const std::string& file);

struct BertLinear {
  at::Tensor weight, bias;  // [out, in], [out]
};
struct BertNorm {
  at::Tensor weight, bias;  // [D]
};
struct BertLayer {
  BertLinear query, key, value, attended;
  BertNorm attention_norm;
  BertLinear inner, outer;
  BertNorm output_norm;
};

struct BertOutput {
  at::Tensor hidden;  // [N, T, D], hidden states of the last layer
  at::Tensor pooled;  // [N, D]
  at::Tensor logits;  // [N, L]
};

class BertClassifier final : public SequenceClassifier {
 public:
  /// Allocates the weights without filling them; call load().
  BertClassifier(const BertShape& shape, at::ScalarType dtype, at::Device device);
  /// Throws: InputError naming file, tensor, the expected and the found value.
  void load(const WeightSource& source);

  at::Tensor classify(const std::vector<ClassifierInput>& inputs) const override;
  std::int64_t num_labels() const override { return shape_.num_labels; }
  std::int64_t vocab_size() const override { return shape_.vocab_size; }
  std::int64_t max_tokens() const override { return shape_.max_position_embeddings; }

  /// token_ids, positions, token_types: int64 [N, T], padded on the right; lengths: int64 [N].
  /// Differentiable.
  BertOutput forward(const at::Tensor& token_ids, const at::Tensor& positions,
                     const at::Tensor& token_types, const at::Tensor& lengths) const;
  const std::vector<Parameter>& parameters() const override { return parameters_; }

 private:
  void check(const ClassifierInput& input) const;
  void register_parameters();  // bert_classifier_weights.cpp
  at::Tensor layer_forward(const BertLayer& layer, const at::Tensor& hidden,
                           const at::Tensor& mask) const;
  at::Tensor norm(const at::Tensor& x, const BertNorm& norm) const;

  BertShape shape_;
  at::ScalarType dtype_;
  at::Device device_;
  at::Tensor words_, positions_, types_;  // [vocabulary, D], [longest, D], [types, D]
  BertNorm embedding_norm_;
  std::vector<BertLayer> layers_;
  BertLinear pooler_, head_;
  std::vector<Parameter> parameters_;
};

/// Throws: InputError.
std::unique_ptr<SequenceClassifier> load_bert_classifier(const std::string& folder,
                                                         at::ScalarType dtype, at::Device device);

}  // namespace r1::models
