#pragma once
// DeepSeek-V3 and R1: latent attention, and mixtures of experts after a few dense layers.
// Reference: arXiv 2412.19437; transformers 5.17 modeling_deepseek_v3.py.
//
// Shape letters: D hidden size, E experts, I intermediate width of an expert. On several ranks,
// heads and shared experts are split over the tensor axis. Each rank holds some routed experts
// whole, and each rank of a tensor axis routes its part of the tokens.
#include "models/decoder/decoder.h"
#include "models/family.h"
#include "nn/mla.h"
#include "nn/moe.h"

namespace r1::models {

struct DeepseekExperts {
  at::Tensor router;        // [E, D]
  at::Tensor balance_bias;  // [E], fp32 at least (e_score_correction_bias)
  // [E * 2I, D] of this rank's experts; the gate of an expert comes before its up projection.
  at::Tensor gate_up;
  at::Tensor down;  // [E * D, I] of this rank's experts
};

struct DeepseekLayer {
  nn::LatentAttention attention;
  // The MLP of a dense layer, or the shared experts; undefined without shared experts.
  nn::GatedMlp mlp;
  DeepseekExperts experts;  // undefined in dense layers
};

class DeepseekV3Model final : public Decoder {
 public:
  /// Allocates the weights without filling them: load or randomize the model.
  DeepseekV3Model(const ModelShape& shape, at::ScalarType dtype, at::Device device,
                  const parallel::ModelAxes& axes);

  CacheLayout cache_layout() const override;
  at::Tensor take_expert_load() override;
  void balance_experts(const at::Tensor& load, double rate) override;

 protected:
  at::Tensor attend(std::int64_t layer, const at::Tensor& x, const nn::RopeTable& rope,
                    const nn::AttentionMetadata& attention) const override;
  at::Tensor feed_forward(std::int64_t layer, const at::Tensor& x,
                          const at::Tensor& token_uses) const override;

 private:
  parallel::Shard own_experts() const;
  at::Tensor mixed_experts(std::int64_t layer, const at::Tensor& x, const at::Tensor& token_uses,
                           const std::function<void()>& meanwhile) const;
  nn::LatentAttention make_attention() const;
  DeepseekExperts make_experts() const;
  void add_layer(const DeepseekLayer& layer, const std::string& prefix);  // ..._weights.cpp
  void add_experts(const DeepseekExperts& experts, const std::string& prefix);

  std::vector<DeepseekLayer> layers_;
  mutable at::Tensor expert_load_;  // int64 [sparse layers, E], counted in training passes
};

/// Names of GGUF files that only this family has (deepseek_v3_weights.cpp).
std::map<std::string, std::string> deepseek_v3_gguf_names();

Family deepseek_v3_family();  // ..._config.cpp

}  // namespace r1::models
