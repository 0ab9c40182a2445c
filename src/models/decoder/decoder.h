#pragma once
// What all decoder-only families share: embedding, pre-norm layers, final norm, head. A family says
// how a layer attends and what its feed-forward part is.
#include <functional>

#include "models/model.h"
#include "nn/mlp.h"
#include "nn/rope.h"

namespace r1::models {

class Decoder : public Model {
 public:
  at::Tensor forward(const ModelInput& input) const final;
  at::Tensor head_weight() const final { return head_.defined() ? head_ : embedding_; }

 protected:
  /// Allocates embedding, norms and head. `rotary_dim`: width that rotary positions turn.
  Decoder(const ModelShape& shape, at::ScalarType dtype, at::Device device,
          std::int64_t rotary_dim);

  /// The layer's attention and feed-forward part: normed input [T, D] -> [T, D], without residual.
  /// token_uses: ModelInput's.
  virtual at::Tensor attend(std::int64_t layer, const at::Tensor& x, const nn::RopeTable& rope,
                            const nn::AttentionMetadata& attention) const = 0;
  virtual at::Tensor feed_forward(std::int64_t layer, const at::Tensor& x,
                                  const at::Tensor& token_uses) const = 0;

  // For the families' constructors: weights of the model's dtype, not filled.
  at::Tensor allocate(at::IntArrayRef sizes) const;
  nn::Linear linear(std::int64_t out, std::int64_t in, bool bias) const;
  nn::GatedMlp gated_mlp(std::int64_t inner, bool bias) const;

  // Names in Hugging Face files (decoder_weights.cpp).
  void add(const at::Tensor& value, std::vector<WeightSlice> slices);
  void add_whole(const at::Tensor& value, std::string name);
  void add_linear(const nn::Linear& linear, const std::string& name);
  /// `parts`: names and rows of the tensors that a fused projection holds.
  struct Part {
    std::string name;
    std::int64_t rows;
  };
  void add_fused(const nn::Linear& linear, const std::vector<Part>& parts);
  void add_gated_mlp(const nn::GatedMlp& mlp, const std::string& prefix);
  /// Registers the shared tensors, and between them each layer's own by `add_layer(layer, prefix)`.
  void register_parameters(
      const std::function<void(std::int64_t layer, const std::string& prefix)>& add_layer);

 private:
  struct Norms {
    at::Tensor input, post;  // [D]
  };
  /// One layer: residual stream and the block before it in, both out (the addition is fused into
  /// the next norm).
  std::vector<at::Tensor> layer_forward(std::int64_t layer, const at::Tensor& block,
                                        const at::Tensor& residual, const nn::RopeTable& rope,
                                        const ModelInput& input) const;

  at::Tensor embedding_;  // [V, D]
  std::vector<Norms> norms_;
  at::Tensor final_norm_;  // [D]
  at::Tensor head_;        // [V, D]; undefined: tied to the embedding
  at::Tensor inverse_frequencies_;
  double rope_factor_;  // on cos and sin
};

/// The shape's rotary options in nn's terms.
nn::RopeConfig rope_config(const ModelShape& shape);

}  // namespace r1::models
