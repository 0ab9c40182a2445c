// Names of the tensors that all decoder-only families share in Hugging Face files, and how fused
// ones are put together.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include "models/decoder/decoder.h"

namespace r1::models {

void Decoder::add(const at::Tensor& value, std::vector<WeightSlice> slices) {
  parameters_.push_back({value, std::move(slices), /*decay=*/value.dim() > 1});
}

void Decoder::add_whole(const at::Tensor& value, std::string name) {
  add(value, {{std::move(name), 0, value.size(0)}});
}

void Decoder::add_linear(const nn::Linear& linear, const std::string& name) {
  add_fused(linear, {{name, linear.weight.size(0)}});
}

void Decoder::add_fused(const nn::Linear& linear, const std::vector<Part>& parts) {
  const auto slices = [&parts](const char* kind) {
    std::vector<WeightSlice> slices;
    std::int64_t row = 0;
    for (const auto& part : parts) {
      slices.push_back({part.name + kind, row, part.rows});
      row += part.rows;
    }
    return slices;
  };
  add(linear.weight, slices(".weight"));
  if (linear.bias.defined()) add(linear.bias, slices(".bias"));
}

void Decoder::add_gated_mlp(const nn::GatedMlp& mlp, const std::string& prefix) {
  const auto inner = mlp.down.weight.size(1);
  add_fused(mlp.gate_up, {{prefix + "gate_proj", inner}, {prefix + "up_proj", inner}});
  add_linear(mlp.down, prefix + "down_proj");
}

void Decoder::register_parameters(
    const std::function<void(std::int64_t layer, const std::string& prefix)>& add_layer) {
  add_whole(embedding_, "model.embed_tokens.weight");
  for (std::size_t i = 0; i < norms_.size(); ++i) {
    const auto prefix = fmt::format("model.layers.{}.", i);
    add_whole(norms_[i].input, prefix + "input_layernorm.weight");
    add_whole(norms_[i].post, prefix + "post_attention_layernorm.weight");
    add_layer(static_cast<std::int64_t>(i), prefix);
  }
  add_whole(final_norm_, "model.norm.weight");
  if (head_.defined()) add_whole(head_, "lm_head.weight");
}

}  // namespace r1::models
