// Names of a layer's tensors in Hugging Face files of the Llama and dense Qwen families.
#include "models/llama/llama.h"

namespace r1::models {

void LlamaModel::add_layer(const LlamaLayer& layer, const std::string& prefix) {
  const auto attention = prefix + "self_attn.";
  const auto queries = shape().num_attention_heads * shape().head_width();
  const auto keys = shape().kv_heads() * shape().head_width();
  add_fused(layer.qkv, {{attention + "q_proj", queries},
                        {attention + "k_proj", keys},
                        {attention + "v_proj", keys}});
  if (layer.q_norm.defined()) {
    add_whole(layer.q_norm, attention + "q_norm.weight");
    add_whole(layer.k_norm, attention + "k_norm.weight");
  }
  add_linear(layer.output, attention + "o_proj");
  add_gated_mlp(layer.mlp, prefix + "mlp.");
}

}  // namespace r1::models
