#pragma once
// The Llama family: grouped-query attention, rotary positions, gated SiLU MLPs. The class runs
// Llama 3.x and SmolLM2; Qwen's dense models add biases or norms of q and k (models/qwen).
// Reference: arXiv 2407.21783; transformers 5.17 modeling_llama.py.
//
// Shape letters: D hidden size, H query heads, K key/value heads, Dh width of a head, I
// intermediate width of the MLP. A rank of a tensor axis holds its part of H, K and I. If K is
// smaller than the axis, neighbouring ranks hold the same key/value head.
#include "models/decoder/decoder.h"
#include "models/family.h"

namespace r1::models {

/// Which of the family's optional tensors a model has.
struct LlamaParts {
  bool qkv_bias = false;
  bool output_bias = false;
  bool mlp_bias = false;
  bool query_key_norm = false;
};

/// q/k/v and gate/up are each fused into one matrix product.
struct LlamaLayer {
  nn::Linear qkv;             // [(H + 2K) * Dh, D]
  at::Tensor q_norm, k_norm;  // [Dh]; undefined: none
  nn::Linear output;          // [D, H * Dh]
  nn::GatedMlp mlp;           // I
};

class LlamaModel : public Decoder {
 public:
  /// Allocates the weights without filling them: load or randomize the model.
  LlamaModel(const ModelShape& shape, at::ScalarType dtype, at::Device device,
             const parallel::ModelAxes& axes)
      : LlamaModel(shape, dtype, device, axes,
                   {shape.attention_bias, shape.attention_bias, shape.mlp_bias, false}) {}

  CacheLayout cache_layout() const override;

 protected:
  LlamaModel(const ModelShape& shape, at::ScalarType dtype, at::Device device,
             const parallel::ModelAxes& axes, const LlamaParts& parts);

  at::Tensor attend(std::int64_t layer, const at::Tensor& x, const nn::RopeTable& rope,
                    const nn::AttentionMetadata& attention) const override;
  at::Tensor feed_forward(std::int64_t layer, const at::Tensor& x,
                          const ModelInput& input) const override;

 private:
  /// Key/value heads of this rank, and the number of ranks that hold the same heads.
  parallel::Shard kv_heads() const;
  int kv_copies() const;
  void add_layer(LlamaLayer& layer, const std::string& prefix);  // llama_weights.cpp

  std::vector<LlamaLayer> layers_;
};

/// Names of GGUF files of the family and of dense Qwen models (llama_weights.cpp).
std::map<std::string, std::string> llama_gguf_names();

Family llama_family();  // ..._config.cpp

}  // namespace r1::models
