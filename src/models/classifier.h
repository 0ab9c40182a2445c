#pragma once
// A sequence classifier: token ids of texts in, one row of raw scores a text out. Reward models
// (one output at the last token) and the toxicity classifier (BERT, a sigmoid a label) are both.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/model.h"

namespace r1::models {

/// A sequence to classify. Positions and types are given for every token or not at all.
struct ClassifierInput {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> positions = {};    // empty: 0, 1, 2, ...
  std::vector<std::int64_t> token_types = {};  // BERT's; empty: 0
};

class SequenceClassifier {
 public:
  virtual ~SequenceClassifier() = default;

  /// Raw outputs (before any sigmoid) for N sequences: float32 [N, L] on the CPU. Runs without
  /// autograd. Throws: InputError where a sequence is empty or longer than the model's positions,
  /// holds what the model has no embedding of, or types that the family does not know.
  virtual at::Tensor classify(const std::vector<ClassifierInput>& inputs) const = 0;
  /// The same of plain sequences.
  at::Tensor logits(const std::vector<std::vector<std::int64_t>>& sequences) const;

  virtual std::int64_t num_labels() const = 0;
  /// All tensors with their names in Hugging Face files.
  virtual const std::vector<Parameter>& parameters() const = 0;
  virtual std::int64_t max_tokens() const = 0;
  virtual std::int64_t vocab_size() const = 0;
};

/// config.json's `architectures` name a sequence classifier, of a known family or not. Throws:
/// InputError for a damaged config.json.
bool is_classifier(const std::string& folder);

/// Loads the classifier of a Hugging Face folder; its config.json's `architectures` chooses the
/// family. Throws: InputError naming file and key.
std::unique_ptr<SequenceClassifier> load_classifier(const std::string& folder, at::ScalarType dtype,
                                                    at::Device device);

}  // namespace r1::models
