#pragma once
// The common part of decoder-only families: embedding, pre-norm layers, final norm, head. A family
// defines the attention and the feed-forward part of a layer.
//
// On several ranks (parallel/model_axes.h) every rank holds the whole residual stream, and the two
// halves of a layer are split: heads, widths of MLPs, experts. Each half receives the whole normed
// stream and returns its part of a sum, and the decoder sums the parts over the ranks. A tensor
// that every rank holds whole inside a half therefore has a part of its gradient on each rank: a
// norm of q and k, a latent projection, a router, and the bias after a split product, which rank 0
// adds.
#include <functional>

#include "models/model.h"
#include "nn/activation_checkpoint.h"
#include "nn/mlp.h"
#include "nn/rope.h"

namespace r1::models {

class Decoder : public Model {
 public:
  at::Tensor forward(const ModelInput& input) const final;
  void set_sequence_parallel(bool on) final;
  vocabulary::VocabHead head() const final {
    return {head_.defined() ? head_ : embedding_, vocabulary_, axes()[ModelAxis::Tensor]};
  }

 protected:
  /// Allocates embedding, norms and head. `rotary_dim`: number of dimensions of a head with rotary
  /// positions.
  Decoder(const ModelShape& shape, at::ScalarType dtype, at::Device device,
          const parallel::ModelAxes& axes, std::int64_t rotary_dim);

  /// The attention and the feed-forward part of a layer: normed input [T, D] -> [T, D], without the
  /// residual. On several ranks the result is this rank's part of the sum. `input`: the
  /// pass that x belongs to.
  virtual at::Tensor attend(std::int64_t layer, const at::Tensor& x, const nn::RopeTable& rope,
                            const nn::AttentionMetadata& attention) const = 0;
  virtual at::Tensor feed_forward(std::int64_t layer, const at::Tensor& x,
                                  const ModelInput& input) const = 0;

  /// This rank's part of `total` heads, columns or ids.
  parallel::Shard shard(std::int64_t total) const {
    return parallel::shard_of(total, axes()[ModelAxis::Tensor]);
  }

  // Helpers for constructors of families: weights in the model's dtype, not filled.
  at::Tensor allocate(at::IntArrayRef sizes) const;
  nn::Linear linear(std::int64_t out, std::int64_t in, bool bias) const;
  /// A linear layer over this rank's part of the input dimension.
  nn::Linear split_input_linear(std::int64_t out, const parallel::Shard& in, bool bias) const;
  /// This rank's part of an MLP of width `inner`.
  nn::GatedMlp gated_mlp(std::int64_t inner, bool bias) const;

  // Helpers that give parameters their names in Hugging Face files (decoder_weights.cpp).
  void add(const at::Tensor& value, std::vector<WeightSlice> slices);
  /// Adds a tensor inside a half of a layer that every rank holds whole.
  void add_whole(const at::Tensor& value, std::string name);
  void add_linear(const nn::Linear& linear, const std::string& name);
  /// Rows [rows.begin, rows.begin + rows.size) of the tensor `name`. `copies` ranks hold the same
  /// rows, and this rank has the copy with index `copy`.
  struct Part {
    std::string name;
    parallel::Shard rows;
    int copy = 0;
    int copies = 1;
  };
  /// Adds a tensor of which this rank holds some rows.
  void add_rows(const at::Tensor& value, const Part& part);
  /// Adds several tensors, of each of which this rank holds some rows, as one fused projection.
  void add_fused(nn::Linear& linear, const std::vector<Part>& parts);
  /// Adds a projection of which this rank holds some columns.
  void add_columns(nn::Linear& linear, const std::string& name, const parallel::Shard& columns);
  void add_gated_mlp(nn::GatedMlp& mlp, const std::string& prefix, std::int64_t inner);
  /// Registers the shared tensors, and between them the tensors of each layer by `add_layer(layer,
  /// prefix)`.
  void register_parameters(
      const std::function<void(std::int64_t layer, const std::string& prefix)>& add_layer);

 private:
  struct Norms {
    at::Tensor input, post;  // [D]
  };
  /// How a pass distributes the rows (tokens) of the residual stream: every row on every rank, or
  /// split over the ranks (sequence parallelism).
  struct Passage {
    std::int64_t num_rows;
    bool splits_rows;
  };
  at::Tensor enter(const at::Tensor& x, const Passage& passage, const char* label) const;
  at::Tensor leave(const at::Tensor& x, const Passage& passage, const char* label) const;
  /// One layer. Input and output are the residual stream and the output of the last block, because
  /// the next norm adds the two in one kernel.
  std::vector<at::Tensor> layer_forward(std::int64_t layer, const at::Tensor& block,
                                        const at::Tensor& residual, const nn::RopeTable& rope,
                                        const ModelInput& input, const Passage& passage) const;

  static constexpr std::int64_t kEmbeddingUnit = 0;
  static std::int64_t unit_of_layer(std::int64_t layer) { return layer + 1; }
  /// The final norm and an untied head.
  std::int64_t last_unit() const { return shape().num_hidden_layers + 1; }
  /// layer() with the layer's weights, which are shared out over ranks or not. `trains`: a backward
  /// pass follows.
  std::vector<at::Tensor> with_weights(std::int64_t layer, const std::vector<at::Tensor>& inputs,
                                       bool trains, const nn::TensorFunction& function) const;
  /// Gathers what follows the last layer; without a backward pass it stays until the next pass.
  std::vector<at::Tensor> with_last_weights(std::vector<at::Tensor> stream, bool trains) const;
  /// The slices of a tensor of which this rank holds rows of several tensors; the names end in
  /// `end`.
  std::vector<WeightSlice> fused_slices(const at::Tensor& value, const std::vector<Part>& parts,
                                        const char* end) const;
  // Adapters of the weight that was added last, where shape().lora targets them
  // (decoder_adapters.cpp).
  void adapt_rows(nn::Linear& linear, const std::vector<Part>& parts);
  void adapt_columns(nn::Linear& linear, const std::string& name, const parallel::Shard& columns);
  void attach_adapters(nn::Linear& linear, std::vector<nn::LowRank::Slice> slices, Parameter a,
                       Parameter b);

  /// Adds a tensor outside the halves of a layer that every rank holds whole.
  void add_shared(const at::Tensor& value, std::string name);
  at::Tensor embed(const at::Tensor& token_ids, const Passage& passage) const;

  parallel::Shard vocabulary_;  // this rank's ids
  at::Tensor embedding_;        // [V, D], V: ids on this rank
  std::vector<Norms> norms_;
  at::Tensor final_norm_;  // [D]
  at::Tensor head_;        // [V, D]; undefined: tied to the embedding
  at::Tensor inverse_frequencies_;
  double rope_factor_;  // factor of cos and sin
  bool sequence_parallel_ = false;
};

/// Converts the rotary options of the shape to nn::RopeConfig.
nn::RopeConfig rope_config(const ModelShape& shape);

}  // namespace r1::models
