// The keys of config.json that only DeepSeek-V3 has. A missing key has the default of transformers.
#include "models/config_keys.h"
#include "models/deepseek_v3/deepseek_v3.h"
#include "models/gguf_keys.h"

namespace r1::models {
namespace {

void read_config(const ConfigKeys& keys, ModelShape& shape) {
  shape.attention_bias = keys.optional("attention_bias", false);
  keys.expect<std::string>("scoring_func", "sigmoid");
  keys.expect<std::string>("topk_method", "noaux_tc");
  keys.expect("moe_layer_freq", 1);
  auto& latent = shape.latent_attention;
  const bool compressed = !keys.mentions("q_lora_rank") || keys.has("q_lora_rank");
  latent.q_lora_rank = compressed ? keys.optional<std::int64_t>("q_lora_rank", 1536) : 0;
  latent.kv_lora_rank = keys.optional<std::int64_t>("kv_lora_rank", 512);
  latent.qk_nope_head_dim = keys.optional<std::int64_t>("qk_nope_head_dim", 128);
  latent.qk_rope_head_dim = keys.optional<std::int64_t>("qk_rope_head_dim", 64);
  latent.v_head_dim = keys.optional<std::int64_t>("v_head_dim", 128);
  shape.head_dim = latent.qk_rope_head_dim;  // as transformers: hidden_size / heads means nothing
  latent.rope_interleave = keys.optional("rope_interleave", true);
  auto& experts = shape.experts;
  experts.num_experts = keys.optional<std::int64_t>("n_routed_experts", 256);
  experts.num_experts_per_token = keys.optional<std::int64_t>("num_experts_per_tok", 8);
  experts.num_shared_experts =
      keys.optional<std::int64_t>("n_shared_experts", keys.mentions("n_shared_experts") ? 0 : 1);
  experts.moe_intermediate_size = keys.optional<std::int64_t>("moe_intermediate_size", 2048);
  experts.num_dense_layers = keys.optional<std::int64_t>("first_k_dense_replace", 3);
  experts.num_groups = keys.optional<std::int64_t>("n_group", 8);
  experts.num_groups_per_token = keys.optional<std::int64_t>("topk_group", 4);
  experts.routed_scaling_factor = keys.optional("routed_scaling_factor", 2.5);
  experts.normalize_weights = keys.optional("norm_topk_prob", true);
}

void write_config(const ModelShape& shape, nlohmann::json& config) {
  const auto& latent = shape.latent_attention;
  const auto& experts = shape.experts;
  config["attention_bias"] = shape.attention_bias;
  config["q_lora_rank"] =
      latent.q_lora_rank > 0 ? nlohmann::json(latent.q_lora_rank) : nlohmann::json();
  config["kv_lora_rank"] = latent.kv_lora_rank;
  config["qk_nope_head_dim"] = latent.qk_nope_head_dim;
  config["qk_rope_head_dim"] = latent.qk_rope_head_dim;
  config["v_head_dim"] = latent.v_head_dim;
  config["rope_interleave"] = latent.rope_interleave;
  config["n_routed_experts"] = experts.num_experts;
  config["num_experts_per_tok"] = experts.num_experts_per_token;
  config["n_shared_experts"] = experts.num_shared_experts;
  config["moe_intermediate_size"] = experts.moe_intermediate_size;
  config["first_k_dense_replace"] = shape.dense_layers();
  config["n_group"] = experts.num_groups;
  config["topk_group"] = experts.num_groups_per_token;
  config["routed_scaling_factor"] = experts.routed_scaling_factor;
  config["norm_topk_prob"] = experts.normalize_weights;
  config["num_nextn_predict_layers"] = 0;
  config["scoring_func"] = "sigmoid";
  config["topk_method"] = "noaux_tc";
  config["moe_layer_freq"] = 1;
}

void read_gguf_experts(const GgufKeys& keys, ExpertOptions& experts) {
  constexpr std::int64_t kSigmoid = 2, kExpertsOfV3 = 256;
  experts.num_experts = keys.integer("expert_count", 0);
  if (experts.num_experts == 0) return;
  if (const auto gating = keys.integer("expert_gating_func", 1); gating != kSigmoid)
    throw base::InputError(
        fmt::format("{}: deepseek2.expert_gating_func {} is not supported: expected 2 (sigmoid, "
                    "DeepSeek-V3)",
                    keys.file().path(), gating));
  experts.num_experts_per_token = keys.integer("expert_used_count");
  experts.num_shared_experts = keys.integer("expert_shared_count", 0);
  experts.moe_intermediate_size = keys.integer("expert_feed_forward_length");
  experts.num_dense_layers = keys.integer("leading_dense_block_count", 0);
  // Files older than these keys: DeepSeek-V3 itself limits the groups, its relatives do not.
  const bool v3 = experts.num_experts == kExpertsOfV3;
  experts.num_groups = keys.integer("expert_group_count", v3 ? 8 : 1);
  experts.num_groups_per_token = keys.integer("expert_group_used_count", v3 ? 4 : 1);
  experts.routed_scaling_factor = keys.number("expert_weights_scale", 1.0);
  experts.normalize_weights = keys.boolean("expert_weights_norm", false);
}

void read_gguf_shape(const GgufKeys& keys, ModelShape& shape) {
  auto& latent = shape.latent_attention;
  shape.num_key_value_heads = shape.num_attention_heads;  // 1 in files that split kv_b
  shape.attention_bias = keys.file().has_tensor("blk.0.attn_kv_a_mqa.bias");
  latent.q_lora_rank = keys.integer("attention.q_lora_rank", 0);
  latent.kv_lora_rank = keys.integer("attention.kv_lora_rank");
  latent.qk_rope_head_dim = keys.integer("rope.dimension_count");
  latent.rope_interleave = true;
  shape.head_dim = latent.qk_rope_head_dim;  // key_length is that of a cached latent
  const char* width = keys.has("attention.key_length_mla") ? "_mla" : "";
  latent.qk_nope_head_dim =
      keys.integer(std::string("attention.key_length") + width) - latent.qk_rope_head_dim;
  latent.v_head_dim = keys.integer(std::string("attention.value_length") + width);
  if (shape.rope_scaling.type == "yarn") {
    // mscale_all_dim / 10, in fp32; mscale, of which the file says nothing, is taken for the same.
    const auto stored = static_cast<float>(keys.number("rope.scaling.yarn_log_multiplier", 0.0));
    shape.rope_scaling.mscale_all_dim = shape.rope_scaling.mscale = stored / 0.1F;
  }
  read_gguf_experts(keys, shape.experts);
}

}  // namespace

Family deepseek_v3_family() {
  return {"deepseek_v3",
          "DeepseekV3ForCausalLM",
          make_family_model<DeepseekV3Model>,
          read_config,
          write_config,
          {"deepseek2", deepseek_v3_gguf_names(), /*pairs_neighbours=*/false, read_gguf_shape}};
}

}  // namespace r1::models
