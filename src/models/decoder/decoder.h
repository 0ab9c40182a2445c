#pragma once
// What all decoder-only families share: embedding, pre-norm layers, final norm, head. A family says
// how a layer attends and what its feed-forward part is.
//
// Over several ranks (parallel/model_axes.h) the residual stream is whole on every rank, and a
// layer's two halves are split: heads, widths of MLPs, experts. Each half gets the whole normed
// stream and returns its part of a sum, which the decoder adds up over the ranks. So whatever is
// whole inside a half (a norm of q and k, a latent projection, a router, the bias behind a split
// product, which rank 0 adds) has a part of its gradient on each rank.
#include <functional>

#include "models/model.h"
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
  /// Allocates embedding, norms and head. `rotary_dim`: width that rotary positions turn.
  Decoder(const ModelShape& shape, at::ScalarType dtype, at::Device device,
          const parallel::ModelAxes& axes, std::int64_t rotary_dim);

  /// The layer's attention and feed-forward part: normed input [T, D] -> [T, D], without residual;
  /// on several ranks a part of the sum. token_uses: ModelInput's.
  virtual at::Tensor attend(std::int64_t layer, const at::Tensor& x, const nn::RopeTable& rope,
                            const nn::AttentionMetadata& attention) const = 0;
  virtual at::Tensor feed_forward(std::int64_t layer, const at::Tensor& x,
                                  const at::Tensor& token_uses) const = 0;

  /// This rank's part of `total` heads, columns, ids.
  parallel::Shard shard(std::int64_t total) const {
    return parallel::shard_of(total, axes()[ModelAxis::Tensor]);
  }

  // For the families' constructors: weights of the model's dtype, not filled.
  at::Tensor allocate(at::IntArrayRef sizes) const;
  nn::Linear linear(std::int64_t out, std::int64_t in, bool bias) const;
  /// A product over this rank's part of the inputs.
  nn::Linear split_input_linear(std::int64_t out, const parallel::Shard& in, bool bias) const;
  /// This rank's part of the width `inner`.
  nn::GatedMlp gated_mlp(std::int64_t inner, bool bias) const;

  // Names in Hugging Face files (decoder_weights.cpp).
  void add(const at::Tensor& value, std::vector<WeightSlice> slices);
  /// A tensor that every rank holds, inside a half of a layer.
  void add_whole(const at::Tensor& value, std::string name);
  void add_linear(const nn::Linear& linear, const std::string& name);
  /// Rows [rows.begin, rows.begin + rows.size) of the tensor `name`. `copies` ranks hold the same
  /// rows, this one the copy of that number.
  struct Part {
    std::string name;
    parallel::Shard rows;
    int copy = 0;
    int copies = 1;
  };
  /// A tensor of which this rank holds some rows.
  void add_rows(const at::Tensor& value, const Part& part);
  /// Several tensors, of each of which this rank holds some rows, as one fused projection.
  /// `weight`: what the name of the weight ends with.
  void add_fused(const nn::Linear& linear, const std::vector<Part>& parts,
                 const char* weight = ".weight");
  /// A projection of which this rank holds some columns.
  void add_columns(const nn::Linear& linear, const std::string& name,
                   const parallel::Shard& columns);
  void add_gated_mlp(const nn::GatedMlp& mlp, const std::string& prefix, std::int64_t inner);
  /// Registers the shared tensors, and between them each layer's own by `add_layer(layer, prefix)`.
  void register_parameters(
      const std::function<void(std::int64_t layer, const std::string& prefix)>& add_layer);

 private:
  struct Norms {
    at::Tensor input, post;  // [D]
  };
  /// How a pass goes through the ranks: rows (tokens) of the residual stream whole on every rank,
  /// or split between them.
  struct Passage {
    std::int64_t num_rows;
    bool splits_rows;
  };
  at::Tensor enter(const at::Tensor& x, const Passage& passage, const char* label) const;
  at::Tensor leave(const at::Tensor& x, const Passage& passage, const char* label) const;
  /// One layer: residual stream and the block before it in, both out (the addition is fused into
  /// the next norm).
  std::vector<at::Tensor> layer_forward(std::int64_t layer, const at::Tensor& block,
                                        const at::Tensor& residual, const nn::RopeTable& rope,
                                        const ModelInput& input, const Passage& passage) const;

  /// A tensor that every rank holds, outside the halves of a layer.
  void add_shared(const at::Tensor& value, std::string name);
  at::Tensor embed(const at::Tensor& token_ids, const Passage& passage) const;

  parallel::Shard vocabulary_;  // this rank's ids
  at::Tensor embedding_;        // [V, D], V: this rank's
  std::vector<Norms> norms_;
  at::Tensor final_norm_;  // [D]
  at::Tensor head_;        // [V, D]; undefined: tied to the embedding
  at::Tensor inverse_frequencies_;
  double rope_factor_;  // on cos and sin
  bool sequence_parallel_ = false;
};

/// The shape's rotary options in nn's terms.
nn::RopeConfig rope_config(const ModelShape& shape);

}  // namespace r1::models
