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
#include "nn/linear.h"
#include "parallel/flat_partition.h"
#include "parallel/model_axes.h"
#include "vocabulary/vocab_head.h"

namespace r1::models {

using parallel::ModelAxis;

/// The tensor `name` of Hugging Face files, or a box of this tensor, is stored in rows [row_begin,
/// row_begin + rows) of a parameter.
struct WeightSlice {
  std::string name;
  std::int64_t row_begin = 0;
  std::int64_t rows = 0;
  std::vector<std::int64_t> shape = {};   // of the whole tensor; empty: the rows
  std::vector<std::int64_t> offset = {};  // offset of the box; the rows have the extent of the box
  /// Index of this rank's copy among the ranks of the tensor axis that hold the same box. Copy 0
  /// counts in norms and is written to files.
  int copy = 0;
  /// Each rank of the tensor axis computes a part of the box's gradient; the gradient is the sum
  /// over the copies.
  bool partial_gradient = false;
};

/// One trained tensor. A fused parameter (q/k/v, gate/up) stores several Hugging Face tensors as
/// slices of rows. A router's balance bias is also a parameter, so that the bias is saved and
/// copied with the weights; the bias has no weight decay and receives no gradient, so optimizers do
/// not change it. The bias may be wider than the model's dtype.
struct Parameter {
  at::Tensor value;
  std::vector<WeightSlice> slices;
  bool decay = true;    // weight decay applies (false for norms and biases)
  bool expert = false;  // split over the expert axis; summed over the experts' replicas
  bool trained = true;  // false: no gradient, changed by other code (balance bias)
  /// The unit of the forward pass that reads the parameter (parallel/flat_partition.h): 0 the
  /// embedding, 1 + i layer i, then the final norm and an untied head. Parameters outside units are
  /// never shared out.
  std::int64_t unit = parallel::kNoUnit;
};

/// The communicators of the ranks that hold the same weights and compute from different tokens.
struct WeightCopies {
  parallel::Communicator* all;      // of weights that are no experts
  parallel::Communicator* experts;  // of the same experts

  bool shares_experts() const { return experts->size() < all->size(); }
};

class WeightShards;

/// The rows of a slice: a view of the parameter, without gradient.
at::Tensor rows_of(const Parameter& parameter, const WeightSlice& slice);
/// The slice's box, a view of the slice's whole tensor `whole`.
at::Tensor box_of(const at::Tensor& whole, const WeightSlice& slice, at::IntArrayRef extent);
/// Shape of the whole tensor of the slice.
std::vector<std::int64_t> whole_shape(const Parameter& parameter, const WeightSlice& slice);

/// What generation caches per token and layer: a key and a value of every KV head.
struct CacheLayout {
  std::int64_t num_layers = 0;
  std::int64_t num_kv_heads = 0;
  std::int64_t key_dim = 0;
  std::int64_t value_dim = 0;
  /// Latent attention: the values are views of the first value_dim columns of the keys and need no
  /// memory.
  bool values_in_keys = false;
  std::int64_t heads_per_kv_head = 1;  // query heads that share a KV head

  /// Numbers per token in the cache, over all layers.
  std::int64_t values_per_token() const {
    return num_layers * num_kv_heads * (key_dim + (values_in_keys ? 0 : value_dim));
  }
};

/// The decisions of the routers of a model's S sparse layers, k experts per token, for the T tokens
/// of a batch: int16 [T, S * k], the experts of the first sparse layer first.
struct ExpertDecisions {
  at::Tensor given;     // decisions of an earlier pass; -1: none; undefined: none at all
  bool replays = true;  // the given ones are taken; false: they are only compared (routing_flips())
  /// Receives what is taken. A rank of the tensor axis writes its part of the rows. Undefined:
  /// nothing is recorded.
  at::Tensor recorded = {};
};

/// A flat batch. token_ids and position_ids: int64 [T]. token_uses, int64 [T]: the number of
/// samples that a token counts for in expert loads; undefined: one each.
struct ModelInput {
  at::Tensor token_ids;
  at::Tensor position_ids;
  nn::AttentionMetadata attention;
  at::Tensor token_uses = {};
  ExpertDecisions experts = {};
};

/// The part of each layer that the backward pass computes again instead of keeping its activations
/// (arXiv 1604.06174). FeedForward: the second norm and the MLP or experts, which have the widest
/// activations; attention is kept, because it costs most to compute for long sequences (in the
/// spirit of arXiv 2205.05198). Layer: the whole layer. LayerFromHost: as Layer, and the inputs of
/// layers are kept in host memory until they are needed.
enum class Recompute { Nothing, FeedForward, Layer, LayerFromHost };

class Model {
 public:
  virtual ~Model() = default;

  /// Returns the hidden states after the final norm, [T, D] in the model's dtype, whole on every
  /// rank of the tensor axis; all these ranks pass the same input. Differentiable for packed
  /// batches. With activation checkpointing, `input` must live until the backward pass. Collective
  /// over: axes().
  virtual at::Tensor forward(const ModelInput& input) const = 0;
  /// The head [V, D], or this rank's part of the head: logits = hidden x head^T. With tied
  /// embeddings the head is the embedding.
  virtual vocabulary::VocabHead head() const = 0;
  virtual CacheLayout cache_layout() const = 0;
  /// Whether a CUDA graph can record forward() of a decode batch: the host waits for nothing in it,
  /// and the collectives of axes() can be recorded.
  virtual bool can_be_recorded() const {
    return axes_[parallel::ModelAxis::Tensor].can_be_recorded();
  }

  const ModelShape& shape() const { return shape_; }
  at::ScalarType dtype() const { return dtype_; }
  at::Device device() const { return device_; }
  const parallel::ModelAxes& axes() const { return axes_; }
  /// All trained tensors in a fixed order. Values may be changed in place, but never re-bound.
  std::vector<Parameter>& parameters() { return parameters_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  /// The low-rank adapters of the model (LoRA), with the names of PEFT's files; they are no part of
  /// parameters(). Each adapted parameter has two, the factors A and B of all its slices.
  const std::vector<Parameter>& adapters() const { return adapters_; }
  /// The tensors that a trainer changes: the adapters, if the model has any, and the parameters.
  const std::vector<Parameter>& trained_parameters() const {
    return adapters_.empty() ? parameters_ : adapters_;
  }
  /// A parameter with adapters: parameters()[weight] += scale * B A, where A and B are
  /// adapters()[a] and adapters()[a + 1].
  struct AdaptedWeight {
    std::size_t weight;
    std::size_t a;
    std::shared_ptr<nn::LowRank> factors;
  };
  const std::vector<AdaptedWeight>& adapted_weights() const { return adapted_weights_; }
  /// Whether forward() uses the adapters. Without them the model is its base: the reference of a
  /// policy, without weights of its own.
  void use_adapters(bool on);
  /// The number of parameters on this rank.
  std::int64_t num_parameters() const;

  /// Returns how many tokens each expert received since the last call in forward passes with
  /// gradients, weighted by token_uses: int64 [sparse layers, E]; undefined without experts. The
  /// sum over all ranks that train the model is the load of the step.
  virtual at::Tensor take_expert_load() { return {}; }
  /// Returns the sums of nn::routing_flips since the last call over the sparse layers of forward
  /// passes with gradients and given experts: int64 [3]; undefined without experts.
  virtual at::Tensor take_routing_flips() { return {}; }
  /// Moves the routing bias of every expert by `rate` towards an even load (balance_bias in
  /// nn/moe.h). `load`: as returned by take_expert_load(), summed over ranks. Call between steps,
  /// with equal arguments on all ranks.
  virtual void balance_experts(const at::Tensor& /*load*/, double /*rate*/) {}

  /// Splits the residual stream and the norms of the residual stream by tokens over the tensor axis
  /// in passes with gradients (sequence parallelism, arXiv 2205.05198). The result is unchanged;
  /// memory and work per rank shrink. Call before the first pass.
  virtual void set_sequence_parallel(bool on) = 0;

  void set_activation_checkpointing(Recompute part) { recompute_ = part; }

  /// Shares the weights out over the ranks of `copies` (weight_shards.h), which must outlive the
  /// model. The ranks must then make the same passes (lockstep.h). Does nothing if there is one
  /// copy. Call once, before the first pass. Collective over: none.
  void share_out_weights(const WeightCopies& copies);
  /// Null: this rank holds all weights of its part of the model.
  WeightShards* weight_shards() const { return weight_shards_.get(); }

 protected:
  Model(ModelShape shape, at::ScalarType dtype, at::Device device, const parallel::ModelAxes& axes)
      : shape_(std::move(shape)), dtype_(dtype), device_(device), axes_(axes) {}
  Recompute recompute() const { return recompute_; }

  ModelShape shape_;
  at::ScalarType dtype_;
  at::Device device_;
  parallel::ModelAxes axes_;
  std::vector<Parameter> parameters_;
  std::vector<Parameter> adapters_;
  std::vector<AdaptedWeight> adapted_weights_;

 private:
  Recompute recompute_ = Recompute::Nothing;
  std::shared_ptr<WeightShards> weight_shards_;
};

/// The model is its base as long as this object lives. `model` may be null.
class WithoutAdapters {
 public:
  explicit WithoutAdapters(Model* model) : model_(model) {
    if (model_ != nullptr) model_->use_adapters(false);
  }
  ~WithoutAdapters() {
    if (model_ != nullptr) model_->use_adapters(true);
  }
  WithoutAdapters(const WithoutAdapters&) = delete;
  WithoutAdapters& operator=(const WithoutAdapters&) = delete;

 private:
  Model* model_;
};

/// Fills all weights: matrices and embeddings from N(0, 0.02), norms with 1. A value depends only
/// on (seed, name, index in the whole tensor).
void randomize(Model& model, std::uint64_t seed);
void randomize(const Parameter& parameter, std::uint64_t seed);

}  // namespace r1::models
