#pragma once
// The Llama family: pre-norm transformer with grouped-query attention, rotary positions and gated
// SiLU MLPs. Runs Llama 3.x and SmolLM2. Reference: arXiv 2407.21783; transformers 5.17
// modeling_llama.py.
#include "models/model.h"
#include "nn/rope.h"

namespace r1::models {

/// q/k/v and gate/up are fused: one matrix product each.
struct LlamaLayer {
  at::Tensor input_norm;  // [D]
  at::Tensor qkv;         // [(H + 2K) * Dh, D]
  at::Tensor output;      // [D, H * Dh]
  at::Tensor post_norm;   // [D]
  at::Tensor gate_up;     // [2I, D]
  at::Tensor down;        // [D, I]
};

class LlamaModel final : public Model {
 public:
  /// Weights are allocated and not filled: load or randomize them.
  LlamaModel(const ModelShape& shape, at::ScalarType dtype, at::Device device);

  at::Tensor forward(const ModelInput& input) const override;
  at::Tensor head_weight() const override { return head_.defined() ? head_ : embedding_; }
  CacheLayout cache_layout() const override;

 private:
  void register_parameters();  // llama_weights.cpp
  /// One layer: residual stream and the block before it in, both out (the addition is fused into
  /// the next norm).
  std::vector<at::Tensor> layer_forward(std::int64_t index, const at::Tensor& block,
                                        const at::Tensor& residual, const nn::RopeTable& rope,
                                        const nn::AttentionMetadata& attention) const;

  at::Tensor embedding_;  // [V, D]
  std::vector<LlamaLayer> layers_;
  at::Tensor final_norm_;  // [D]
  at::Tensor head_;        // [V, D]; undefined: tied to the embedding
  at::Tensor inverse_frequencies_;
};

}  // namespace r1::models
