// Names of the Llama family's tensors in Hugging Face files, and how the fused ones are put
// together.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include "models/llama/llama.h"

namespace r1::models {

void LlamaModel::register_parameters() {
  const auto add = [this](const at::Tensor& value, std::vector<WeightSlice> slices) {
    parameters_.push_back({value, std::move(slices), /*decay=*/value.dim() > 1});
  };
  const auto whole = [&add](const at::Tensor& value, std::string name) {
    add(value, {{std::move(name), 0, value.size(0)}});
  };
  const auto q_rows = shape().num_attention_heads * shape().head_width();
  const auto kv_rows = shape().kv_heads() * shape().head_width();
  const auto inner = shape().intermediate_size;
  whole(embedding_, "model.embed_tokens.weight");
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const auto& layer = layers_[i];
    const auto prefix = fmt::format("model.layers.{}.", i);
    whole(layer.input_norm, prefix + "input_layernorm.weight");
    add(layer.qkv, {{prefix + "self_attn.q_proj.weight", 0, q_rows},
                    {prefix + "self_attn.k_proj.weight", q_rows, kv_rows},
                    {prefix + "self_attn.v_proj.weight", q_rows + kv_rows, kv_rows}});
    whole(layer.output, prefix + "self_attn.o_proj.weight");
    whole(layer.post_norm, prefix + "post_attention_layernorm.weight");
    add(layer.gate_up, {{prefix + "mlp.gate_proj.weight", 0, inner},
                        {prefix + "mlp.up_proj.weight", inner, inner}});
    whole(layer.down, prefix + "mlp.down_proj.weight");
  }
  whole(final_norm_, "model.norm.weight");
  if (head_.defined()) whole(head_, "lm_head.weight");
}

}  // namespace r1::models
