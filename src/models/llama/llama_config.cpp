// The Llama family's own keys of config.json.
#include "models/config_keys.h"
#include "models/llama/llama.h"

namespace r1::models {

Family llama_family() {
  return {"llama", "LlamaForCausalLM", make_family_model<LlamaModel>,
          [](const ConfigKeys& keys, ModelShape& shape) {
            shape.head_dim = keys.optional<std::int64_t>("head_dim", 0);
            shape.attention_bias = keys.optional("attention_bias", false);
            shape.mlp_bias = keys.optional("mlp_bias", false);
          },
          [](const ModelShape& shape, nlohmann::json& config) {
            config["head_dim"] = shape.head_width();
            config["attention_bias"] = shape.attention_bias;
            config["mlp_bias"] = shape.mlp_bias;
          }};
}

}  // namespace r1::models
