// Names of a layer's tensors in Hugging Face files of the Llama and dense Qwen families.
#include "models/llama/llama.h"

namespace r1::models {

void LlamaModel::add_layer(LlamaLayer& layer, const std::string& prefix) {
  const auto attention = prefix + "self_attn.";
  const auto width = shape().head_width();
  const auto queries = parallel::scaled(shard(shape().num_attention_heads), width);
  const auto keys = parallel::scaled(kv_heads(), width);
  const auto copies = kv_copies(), copy = axes().rank(ModelAxis::Tensor) % copies;
  add_fused(layer.qkv, {{attention + "q_proj", queries},
                        {attention + "k_proj", keys, copy, copies},
                        {attention + "v_proj", keys, copy, copies}});
  if (layer.q_norm.defined()) {
    add_whole(layer.q_norm, attention + "q_norm.weight");
    add_whole(layer.k_norm, attention + "k_norm.weight");
  }
  add_columns(layer.output, attention + "o_proj", queries);
  add_gated_mlp(layer.mlp, prefix + "mlp.", shape().intermediate_size);
}

std::map<std::string, std::string> llama_gguf_names() {
  std::map<std::string, std::string> names{{"attn_q_norm.weight", "self_attn.q_norm.weight"},
                                           {"attn_k_norm.weight", "self_attn.k_norm.weight"},
                                           {"attn_output.bias", "self_attn.o_proj.bias"},
                                           {"ffn_gate.bias", "mlp.gate_proj.bias"},
                                           {"ffn_up.bias", "mlp.up_proj.bias"},
                                           {"ffn_down.bias", "mlp.down_proj.bias"}};
  for (const std::string kind : {"weight", "bias"})
    for (const std::string part : {"q", "k", "v"})
      names["attn_" + part + "." + kind] = "self_attn." + part + "_proj." + kind;
  return names;
}

}  // namespace r1::models
