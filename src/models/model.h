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
#include "parallel/model_axes.h"
#include "vocabulary/vocab_head.h"

namespace r1::models {

using parallel::ModelAxis;

/// Rows [row_begin, row_begin + rows) of a parameter are the tensor `name` of Hugging Face files,
/// or a box of it.
struct WeightSlice {
  std::string name;
  std::int64_t row_begin = 0;
  std::int64_t rows = 0;
  std::vector<std::int64_t> shape = {};   // of the whole tensor; empty: the rows are all of it
  std::vector<std::int64_t> offset = {};  // of the box; its extent is that of the rows
  /// Number of this rank's copy among the ranks of the tensor axis that hold the same box. Copy 0
  /// counts in norms and is the one that is written.
  int copy = 0;
  /// Each rank of the tensor axis sees a part of the box's gradient: it is the sum over the copies.
  bool partial_gradient = false;
};

/// One trained tensor. Fused ones (q/k/v, gate/up) hold several Hugging Face tensors as slices of
/// their rows. A router's balance bias is here too, to travel with the weights: it does not decay,
/// so optimizers leave it as it is. It may be wider than the model's dtype.
struct Parameter {
  at::Tensor value;
  std::vector<WeightSlice> slices;
  bool decay = true;    // weight decay applies (not to norms and biases)
  bool expert = false;  // split over the expert axis: gradients are summed over its replicas alone
  bool trained = true;  // false: no gradient reaches it, others change it (a router's balance bias)
};

/// The rows of a parameter that a slice names: a view, without gradient.
at::Tensor rows_of(const Parameter& parameter, const WeightSlice& slice);
/// The same part of the slice's whole tensor, which has the shape that `slice` says: a view.
at::Tensor box_of(const at::Tensor& whole, const WeightSlice& slice, at::IntArrayRef extent);
/// Shape of the slice's whole tensor.
std::vector<std::int64_t> whole_shape(const Parameter& parameter, const WeightSlice& slice);

/// What generation must cache per token and layer: a key and a value of every KV head.
struct CacheLayout {
  std::int64_t num_layers = 0;
  std::int64_t num_kv_heads = 0;
  std::int64_t key_dim = 0;
  std::int64_t value_dim = 0;
  /// Latent attention: the values are the first value_dim columns of the keys and need no memory.
  bool values_in_keys = false;

  /// Numbers that a token takes, all layers together.
  std::int64_t values_per_token() const {
    return num_layers * num_kv_heads * (key_dim + (values_in_keys ? 0 : value_dim));
  }
};

/// A flat batch. token_ids and position_ids: int64 [T]. token_uses, int64 [T], says how many
/// samples a token stands for in expert loads; undefined: one.
struct ModelInput {
  at::Tensor token_ids;
  at::Tensor position_ids;
  nn::AttentionMetadata attention;
  at::Tensor token_uses = {};
};

/// What of each layer is computed again in backward instead of being kept (arXiv 1604.06174).
/// FeedForward: its second norm and MLP or experts, whose activations are the widest; attention,
/// which costs most to compute for long sequences, is kept (arXiv 2205.05198 in spirit).
/// LayerFromHost: as Layer, with the layers' inputs in host memory until they are needed.
enum class Recompute { Nothing, FeedForward, Layer, LayerFromHost };

class Model {
 public:
  virtual ~Model() = default;

  /// Hidden states after the final norm, [T, D] in the model's dtype, whole on every rank of the
  /// tensor axis (all give the same input). Differentiable for packed batches; with activation
  /// checkpointing `input` must live until backward. Collective over: axes().
  virtual at::Tensor forward(const ModelInput& input) const = 0;
  /// The head [V, D], or this rank's part of it: logits = hidden x head^T. The embedding itself
  /// when they are tied.
  virtual vocabulary::VocabHead head() const = 0;
  virtual CacheLayout cache_layout() const = 0;

  const ModelShape& shape() const { return shape_; }
  at::ScalarType dtype() const { return dtype_; }
  at::Device device() const { return device_; }
  const parallel::ModelAxes& axes() const { return axes_; }
  /// All trained tensors in a fixed order. Values may be replaced in place, never re-bound.
  std::vector<Parameter>& parameters() { return parameters_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  /// That this rank holds.
  std::int64_t num_parameters() const;

  /// Tokens that each expert got in forwards with gradients since the last call, each as often as
  /// its token_uses say: int64 [sparse layers, E]. Undefined: no experts. Summed over all ranks
  /// that train it is the step's load.
  virtual at::Tensor take_expert_load() { return {}; }
  /// Moves every expert's routing bias by `rate` towards an even load (nn/moe.h, balance_bias);
  /// `load` as take_expert_load() gives it. Call it between steps, equally on all ranks.
  virtual void balance_experts(const at::Tensor& /*load*/, double /*rate*/) {}

  /// Split the residual stream and its norms by tokens over the tensor axis in passes with
  /// gradients (sequence parallelism, arXiv 2205.05198): less memory and work, the same result.
  /// Call it before the first pass.
  virtual void set_sequence_parallel(bool on) = 0;

  void set_activation_checkpointing(Recompute part) { recompute_ = part; }

 protected:
  Model(ModelShape shape, at::ScalarType dtype, at::Device device, const parallel::ModelAxes& axes)
      : shape_(std::move(shape)), dtype_(dtype), device_(device), axes_(axes) {}
  Recompute recompute() const { return recompute_; }

  ModelShape shape_;
  at::ScalarType dtype_;
  at::Device device_;
  parallel::ModelAxes axes_;
  std::vector<Parameter> parameters_;

 private:
  Recompute recompute_ = Recompute::Nothing;
};

/// Fills all weights: matrices and embeddings N(0, 0.02), norms 1, as a function of (seed, name,
/// index in the whole tensor) alone.
void randomize(Model& model, std::uint64_t seed);
void randomize(const Parameter& parameter, std::uint64_t seed);

}  // namespace r1::models
