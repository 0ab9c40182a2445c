// Names of a layer's tensors in Hugging Face files of DeepSeek-V3.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include "models/deepseek_v3/deepseek_v3.h"

namespace r1::models {

void DeepseekV3Model::add_layer(DeepseekLayer& layer, const std::string& prefix) {
  const auto names = prefix + "self_attn.";
  auto& attention = layer.attention;
  const auto& dims = attention.dims;
  const auto heads = shard(shape().num_attention_heads);
  const auto queries = parallel::scaled(heads, dims.nope + dims.rope);
  if (attention.query_down.weight.defined()) {
    add_linear(attention.query_down, names + "q_a_proj");
    add_whole(attention.query_norm, names + "q_a_layernorm.weight");
    add_rows(attention.query_up, {names + "q_b_proj.weight", queries});
  } else {
    add_rows(attention.query_up, {names + "q_proj.weight", queries});
  }
  add_linear(attention.latent_down, names + "kv_a_proj_with_mqa");
  add_whole(attention.latent_norm, names + "kv_a_layernorm.weight");
  add_rows(attention.latent_up,
           {names + "kv_b_proj.weight", parallel::scaled(heads, dims.nope + dims.value)});
  add_columns(attention.output, names + "o_proj", parallel::scaled(heads, dims.value));
  const auto mlp = prefix + "mlp.";
  const auto& experts = shape().experts;
  const bool sparse = layer.experts.router.defined();
  if (sparse) add_experts(layer.experts, mlp);
  if (layer.mlp.down.weight.defined())
    add_gated_mlp(layer.mlp, sparse ? mlp + "shared_experts." : mlp,
                  sparse ? experts.num_shared_experts * experts.moe_intermediate_size
                         : shape().intermediate_size);
}

void DeepseekV3Model::add_experts(const DeepseekExperts& experts, const std::string& prefix) {
  add_whole(experts.router, prefix + "gate.weight");
  add_whole(experts.balance_bias, prefix + "gate.e_score_correction_bias");
  parameters_.back().trained = false;
  const auto inner = shape().experts.moe_intermediate_size, hidden = shape().hidden_size;
  const auto held = own_experts();
  std::vector<WeightSlice> gate_up, down;
  for (std::int64_t e = 0; e < held.size; ++e) {
    const auto expert = fmt::format("{}experts.{}.", prefix, held.begin + e);
    gate_up.push_back({expert + "gate_proj.weight", 2 * e * inner, inner});
    gate_up.push_back({expert + "up_proj.weight", (2 * e + 1) * inner, inner});
    down.push_back({expert + "down_proj.weight", e * hidden, hidden});
  }
  add(experts.gate_up, std::move(gate_up));
  parameters_.back().expert = true;
  add(experts.down, std::move(down));
  parameters_.back().expert = true;
}

std::map<std::string, std::string> deepseek_v3_gguf_names() {
  return {{"attn_q.weight", "self_attn.q_proj.weight"},
          {"attn_q_a.weight", "self_attn.q_a_proj.weight"},
          {"attn_q_a.bias", "self_attn.q_a_proj.bias"},
          {"attn_q_a_norm.weight", "self_attn.q_a_layernorm.weight"},
          {"attn_q_b.weight", "self_attn.q_b_proj.weight"},
          {"attn_kv_a_mqa.weight", "self_attn.kv_a_proj_with_mqa.weight"},
          {"attn_kv_a_mqa.bias", "self_attn.kv_a_proj_with_mqa.bias"},
          {"attn_kv_a_norm.weight", "self_attn.kv_a_layernorm.weight"},
          {"attn_kv_b.weight", "self_attn.kv_b_proj.weight"},
          {"attn_output.bias", "self_attn.o_proj.bias"},
          {"ffn_gate_inp.weight", "mlp.gate.weight"},
          {"exp_probs_b.bias", "mlp.gate.e_score_correction_bias"},
          {"ffn_gate_exps.weight", "mlp.experts.{}.gate_proj.weight"},
          {"ffn_up_exps.weight", "mlp.experts.{}.up_proj.weight"},
          {"ffn_down_exps.weight", "mlp.experts.{}.down_proj.weight"},
          {"ffn_gate_shexp.weight", "mlp.shared_experts.gate_proj.weight"},
          {"ffn_up_shexp.weight", "mlp.shared_experts.up_proj.weight"},
          {"ffn_down_shexp.weight", "mlp.shared_experts.down_proj.weight"}};
}

}  // namespace r1::models
