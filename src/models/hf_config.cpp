#include "models/hf_config.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/errors.h"

namespace r1::models {
namespace {

using nlohmann::json;

/// A required key. Throws InputError naming file and key.
template <class T>
T required(const json& config, const char* key, const std::string& file) {
  if (!config.contains(key) || config[key].is_null())
    throw base::InputError(fmt::format("{}: key '{}' is missing", file, key));
  try {
    return config[key].get<T>();
  } catch (const json::exception&) {
    throw base::InputError(
        fmt::format("{}: key '{}' has the wrong type: {}", file, key, config[key].dump()));
  }
}

template <class T>
T optional(const json& config, const char* key, T fallback, const std::string& file) {
  return config.contains(key) && !config[key].is_null() ? required<T>(config, key, file) : fallback;
}

void read_rope(const json& config, ModelShape& shape, const std::string& file) {
  json rope = json::object();
  for (const char* key : {"rope_scaling", "rope_parameters"})
    if (config.contains(key) && config[key].is_object()) rope = config[key];
  shape.rope_theta =
      optional(rope, "rope_theta", optional(config, "rope_theta", 10000.0, file), file);
  auto& scaling = shape.rope_scaling;
  const auto type = optional<std::string>(
      rope, "rope_type", optional<std::string>(rope, "type", "default", file), file);
  scaling.type = type == "default" ? "none" : type;
  scaling.factor = optional(rope, "factor", 1.0, file);
  scaling.low_freq_factor = optional(rope, "low_freq_factor", scaling.low_freq_factor, file);
  scaling.high_freq_factor = optional(rope, "high_freq_factor", scaling.high_freq_factor, file);
  scaling.original_max_position_embeddings =
      optional(rope, "original_max_position_embeddings", shape.max_position_embeddings, file);
}

}  // namespace

ModelShape shape_from_config(const json& config, const std::string& file) {
  ModelShape shape;
  shape.architecture = required<std::string>(config, "model_type", file);
  if (shape.architecture != "llama")
    throw base::InputError(fmt::format("{}: model_type '{}' is not supported: expected llama", file,
                                       shape.architecture));
  shape.vocab_size = required<std::int64_t>(config, "vocab_size", file);
  shape.hidden_size = required<std::int64_t>(config, "hidden_size", file);
  shape.num_hidden_layers = required<std::int64_t>(config, "num_hidden_layers", file);
  shape.num_attention_heads = required<std::int64_t>(config, "num_attention_heads", file);
  shape.num_key_value_heads =
      optional(config, "num_key_value_heads", shape.num_attention_heads, file);
  shape.intermediate_size = required<std::int64_t>(config, "intermediate_size", file);
  shape.head_dim = optional<std::int64_t>(config, "head_dim", 0, file);
  shape.max_position_embeddings =
      optional(config, "max_position_embeddings", shape.max_position_embeddings, file);
  shape.rms_norm_eps = optional(config, "rms_norm_eps", 1e-6, file);
  shape.tie_word_embeddings = optional(config, "tie_word_embeddings", false, file);
  for (const char* key : {"attention_bias", "mlp_bias"})
    if (optional(config, key, false, file))
      throw base::InputError(fmt::format("{}: '{}' = true is not supported for llama", file, key));
  if (const auto act = optional<std::string>(config, "hidden_act", "silu", file); act != "silu")
    throw base::InputError(
        fmt::format("{}: hidden_act '{}' is not supported: expected silu", file, act));
  read_rope(config, shape, file);
  base::Problems problems;
  shape.check(file, problems);
  if (!problems.empty())
    throw base::InputError(
        fmt::format("{}: {}", problems.list()[0].key, problems.list()[0].message));
  return shape;
}

json config_from_shape(const ModelShape& shape, const std::vector<std::int64_t>& eos_token_ids,
                       const std::string& dtype_name) {
  json config = {{"architectures", {"LlamaForCausalLM"}},
                 {"model_type", "llama"},
                 {"attention_bias", false},
                 {"mlp_bias", false},
                 {"hidden_act", "silu"},
                 {"vocab_size", shape.vocab_size},
                 {"hidden_size", shape.hidden_size},
                 {"num_hidden_layers", shape.num_hidden_layers},
                 {"num_attention_heads", shape.num_attention_heads},
                 {"num_key_value_heads", shape.kv_heads()},
                 {"head_dim", shape.head_width()},
                 {"intermediate_size", shape.intermediate_size},
                 {"max_position_embeddings", shape.max_position_embeddings},
                 {"rms_norm_eps", shape.rms_norm_eps},
                 {"rope_theta", shape.rope_theta},
                 {"tie_word_embeddings", shape.tie_word_embeddings},
                 {"torch_dtype", dtype_name}};
  if (shape.rope_scaling.type != "none")
    config["rope_scaling"] = {
        {"rope_type", shape.rope_scaling.type},
        {"factor", shape.rope_scaling.factor},
        {"low_freq_factor", shape.rope_scaling.low_freq_factor},
        {"high_freq_factor", shape.rope_scaling.high_freq_factor},
        {"original_max_position_embeddings", shape.rope_scaling.original_max_position_embeddings}};
  if (eos_token_ids.size() == 1) config["eos_token_id"] = eos_token_ids[0];
  if (eos_token_ids.size() > 1) config["eos_token_id"] = eos_token_ids;
  return config;
}

}  // namespace r1::models
