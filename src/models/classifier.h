#pragma once
// A sequence classifier: maps the token ids of a text to one row of raw scores (logits). Reward
// models (one output at the last token) and the toxicity classifier (BERT, one sigmoid per label)
// are sequence classifiers.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/model.h"

namespace r1::models {

/// A sequence to classify. `positions` and `token_types` have one entry per token or are empty.
struct ClassifierInput {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> positions = {};    // empty: 0, 1, 2, ...
  std::vector<std::int64_t> token_types = {};  // BERT's token types; empty: 0
};

class SequenceClassifier {
 public:
  virtual ~SequenceClassifier() = default;

  /// Raw outputs (before any sigmoid) for N sequences: float32 [N, L] on the CPU. Records no
  /// gradients. Throws: InputError if a sequence is empty, has more tokens than the model has
  /// positions, or has token ids, positions or types outside the model's embeddings.
  virtual at::Tensor classify(const std::vector<ClassifierInput>& inputs) const = 0;
  /// classify() of sequences with default positions and types.
  at::Tensor logits(const std::vector<std::vector<std::int64_t>>& sequences) const;

  virtual std::int64_t num_labels() const = 0;
  /// All tensors with their names in Hugging Face files.
  virtual const std::vector<Parameter>& parameters() const = 0;
  virtual std::int64_t max_tokens() const = 0;
  virtual std::int64_t vocab_size() const = 0;
};

/// Whether `architectures` in config.json names a sequence classifier, of a known family or not.
/// Throws: InputError for a damaged config.json.
bool is_classifier(const std::string& folder);

/// The entry of `architectures` for a classifier on top of a decoder:
/// "LlamaForSequenceClassification".
std::string classifier_architecture(const ModelShape& shape);

/// The shape of the decoder below a classifier; none: the classifier has no decoder (BERT). Throws:
/// InputError naming file and key.
std::optional<ModelShape> classifier_shape(const std::string& folder);

/// Loads the classifier of a Hugging Face folder. `architectures` in config.json selects the
/// family. Throws: InputError naming file and key.
std::unique_ptr<SequenceClassifier> load_classifier(const std::string& folder, at::ScalarType dtype,
                                                    at::Device device);

}  // namespace r1::models
