#pragma once
// A decoder-only language model: flat tokens in, hidden states out.
//
// Shape letters: T tokens of the flat batch, D hidden size, V vocabulary, H query heads, K
// key/value heads.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/options.h"
#include "nn/attention_metadata.h"

namespace r1::models {

/// Rows [row_begin, row_begin + rows) of a parameter are the tensor `name` of Hugging Face files.
struct WeightSlice {
  std::string name;
  std::int64_t row_begin = 0;
  std::int64_t rows = 0;
};

/// One trained tensor. Fused ones (q/k/v, gate/up) hold several Hugging Face tensors as slices of
/// their rows.
struct Parameter {
  at::Tensor value;
  std::vector<WeightSlice> slices;
  bool decay = true;  // weight decay applies (not to norms and biases)
};

/// What generation must cache per token and layer.
struct CacheLayout {
  std::int64_t num_layers = 0;
  std::int64_t num_kv_heads = 0;
  std::int64_t head_dim = 0;
};

/// A flat batch. token_ids and position_ids: int64 [T].
struct ModelInput {
  at::Tensor token_ids;
  at::Tensor position_ids;
  nn::AttentionMetadata attention;
};

class Model {
 public:
  virtual ~Model() = default;

  /// Hidden states after the final norm, [T, D] in the model's dtype. Differentiable for packed
  /// batches.
  virtual at::Tensor forward(const ModelInput& input) const = 0;
  /// The head's weight [V, D]: logits = hidden x head_weight^T. The embedding itself when they are
  /// tied.
  virtual at::Tensor head_weight() const = 0;
  virtual CacheLayout cache_layout() const = 0;

  const ModelShape& shape() const { return shape_; }
  at::ScalarType dtype() const { return dtype_; }
  at::Device device() const { return device_; }
  /// All trained tensors in a fixed order. Values may be replaced in place, never re-bound.
  std::vector<Parameter>& parameters() { return parameters_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  std::int64_t num_parameters() const;

  /// Recompute layers in backward instead of keeping their activations (arXiv 1604.06174).
  void set_activation_checkpointing(bool on) { activation_checkpointing_ = on; }

 protected:
  Model(ModelShape shape, at::ScalarType dtype, at::Device device)
      : shape_(std::move(shape)), dtype_(dtype), device_(device) {}
  bool activation_checkpointing() const { return activation_checkpointing_; }

  ModelShape shape_;
  at::ScalarType dtype_;
  at::Device device_;
  std::vector<Parameter> parameters_;

 private:
  bool activation_checkpointing_ = false;
};

/// Fills all weights: matrices and embeddings N(0, 0.02), norms 1, as a function of (seed, name,
/// index) alone.
void randomize(Model& model, std::uint64_t seed);

}  // namespace r1::models
