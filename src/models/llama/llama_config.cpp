// The keys of config.json that only the Llama family has.
#include <cmath>

#include "models/config_keys.h"
#include "models/gguf_keys.h"
#include "models/llama/llama.h"

namespace r1::models {
namespace {

/// llama.cpp keeps Llama 3's scaling as the factors of all wave lengths alone: the options that
/// every published model has must give them.
void read_llama3_scaling(const checkpoint::GgufFile& file, ModelShape& shape) {
  const auto& tensor = file.tensor("rope_freqs.weight");
  const auto num_factors = static_cast<std::size_t>(tensor.num_elements());
  std::vector<float> factors(num_factors);
  file.dequantise(tensor, factors);
  auto scaling = shape.rope_scaling;
  scaling.type = "llama3";
  scaling.factor = factors.empty() ? 1.0 : factors.back();
  scaling.original_max_position_embeddings = 8192;
  const auto width = shape.head_width();
  auto options = rope_config(shape);
  const auto plain = nn::rope_inverse_frequencies(options, width);
  shape.rope_scaling = scaling;
  const auto scaled = nn::rope_inverse_frequencies(rope_config(shape), width);
  constexpr double kTolerance = 1e-4;  // the file has them in fp32
  bool equal = num_factors == plain.size();
  for (std::size_t i = 0; equal && i < num_factors; ++i)
    equal = std::abs(plain[i] / scaled[i] / factors[i] - 1.0) < kTolerance;
  if (!equal)
    throw base::InputError(fmt::format(
        "{}: tensor '{}': expected the {} factors of Llama 3's rotary scaling (low_freq_factor 1, "
        "high_freq_factor 4, original length 8192), found others",
        file.path(), tensor.name, plain.size()));
}

void read_gguf_shape(const GgufKeys& keys, ModelShape& shape) {
  const auto& file = keys.file();
  shape.attention_bias = file.has_tensor("blk.0.attn_q.bias");
  shape.mlp_bias = file.has_tensor("blk.0.ffn_gate.bias");
  if (file.has_tensor("rope_freqs.weight")) read_llama3_scaling(file, shape);
}

}  // namespace

Family llama_family() {
  return {"llama",
          "LlamaForCausalLM",
          make_family_model<LlamaModel>,
          [](const ConfigKeys& keys, ModelShape& shape) {
            shape.head_dim = keys.optional<std::int64_t>("head_dim", 0);
            shape.attention_bias = keys.optional("attention_bias", false);
            shape.mlp_bias = keys.optional("mlp_bias", false);
          },
          [](const ModelShape& shape, nlohmann::json& config) {
            config["head_dim"] = shape.head_width();
            config["attention_bias"] = shape.attention_bias;
            config["mlp_bias"] = shape.mlp_bias;
          },
          {"llama", llama_gguf_names(), /*pairs_neighbours=*/true, read_gguf_shape}};
}

}  // namespace r1::models
