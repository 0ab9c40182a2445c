// The keys of config.json that only the dense Qwen families have.
#include "models/config_keys.h"
#include "models/gguf_keys.h"
#include "models/qwen/qwen.h"

namespace r1::models {
namespace {

/// Windows of attention are not implemented: a model that was trained with them would be wrong.
void refuse_sliding_window(const ConfigKeys& keys) {
  keys.expect("use_sliding_window", false);
  for (const auto& type : keys.optional<std::vector<std::string>>("layer_types", {}))
    if (type != "full_attention")
      throw base::InputError(
          fmt::format("{}: 'layer_types' has '{}', which is not supported: expected "
                      "full_attention in every layer",
                      keys.file(), type));
}

/// Of GGUF files.
void no_more_keys(const GgufKeys& /*keys*/, ModelShape& /*shape*/) {}

}  // namespace

Family qwen2_family() {
  return {"qwen2",
          "Qwen2ForCausalLM",
          make_family_model<Qwen2Model>,
          [](const ConfigKeys& keys, ModelShape& shape) {
            refuse_sliding_window(keys);
            shape.head_dim = keys.optional<std::int64_t>("head_dim", 0);
          },
          [](const ModelShape& shape, nlohmann::json& config) {
            config["use_sliding_window"] = false;
            if (shape.head_width() * shape.num_attention_heads != shape.hidden_size)
              config["head_dim"] = shape.head_width();
          },
          {"qwen2", llama_gguf_names(), /*pairs_neighbours=*/false, no_more_keys}};
}

Family qwen3_family() {
  return {"qwen3",
          "Qwen3ForCausalLM",
          make_family_model<Qwen3Model>,
          [](const ConfigKeys& keys, ModelShape& shape) {
            constexpr std::int64_t kDefaultWidth = 128;  // transformers' when nothing is said
            refuse_sliding_window(keys);
            shape.head_dim = keys.mentions("head_dim") ? keys.optional<std::int64_t>("head_dim", 0)
                                                       : kDefaultWidth;
            shape.attention_bias = keys.optional("attention_bias", false);
          },
          [](const ModelShape& shape, nlohmann::json& config) {
            config["use_sliding_window"] = false;
            config["head_dim"] = shape.head_width();
            config["attention_bias"] = shape.attention_bias;
          },
          {"qwen3", llama_gguf_names(), /*pairs_neighbours=*/false,
           [](const GgufKeys& keys, ModelShape& shape) {
             shape.attention_bias = keys.file().has_tensor("blk.0.attn_q.bias");
           }}};
}

}  // namespace r1::models
