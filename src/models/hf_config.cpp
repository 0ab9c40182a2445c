#include "models/hf_config.h"

#include "models/config_keys.h"
#include "models/registry.h"

namespace r1::models {
namespace {

using nlohmann::json;

/// `rope_parameters` (transformers 5) or `rope_scaling` (4); empty when neither is given.
json rope_keys(const json& config) {
  for (const char* key : {"rope_parameters", "rope_scaling"})
    if (config.contains(key) && config[key].is_object()) return config[key];
  return json::object();
}

void read_rope(const ConfigKeys& keys, ModelShape& shape) {
  const auto values = rope_keys(keys.json());
  const ConfigKeys rope(values, keys.file());
  shape.rope_theta = rope.optional("rope_theta", keys.optional("rope_theta", 10000.0));
  auto& scaling = shape.rope_scaling;
  const auto type =
      rope.optional<std::string>("rope_type", rope.optional<std::string>("type", "default"));
  if (type != "default" && type != "linear" && type != "llama3" && type != "yarn")
    throw base::InputError(
        fmt::format("{}: rope type '{}' is not supported: expected default, linear, llama3 or yarn",
                    keys.file(), type));
  keys.expect("partial_rotary_factor", 1.0);
  rope.expect("partial_rotary_factor", 1.0);
  rope.expect("truncate", true);
  scaling.type = type == "default" ? "none" : type;
  // A length of the whole model, where one is given, counts more than that of the rope.
  scaling.original_max_position_embeddings = keys.optional(
      "original_max_position_embeddings",
      rope.optional("original_max_position_embeddings", shape.max_position_embeddings));
  const bool by_lengths = type == "yarn" && !rope.has("factor");
  scaling.factor = by_lengths ? static_cast<double>(shape.max_position_embeddings) /
                                    static_cast<double>(scaling.original_max_position_embeddings)
                              : rope.optional("factor", 1.0);
  scaling.low_freq_factor = rope.optional("low_freq_factor", scaling.low_freq_factor);
  scaling.high_freq_factor = rope.optional("high_freq_factor", scaling.high_freq_factor);
  scaling.beta_fast = rope.optional("beta_fast", scaling.beta_fast);
  scaling.beta_slow = rope.optional("beta_slow", scaling.beta_slow);
  scaling.mscale = rope.optional("mscale", 0.0);
  scaling.mscale_all_dim = rope.optional("mscale_all_dim", 0.0);
  scaling.attention_factor = rope.optional("attention_factor", 0.0);
}

json rope_scaling_json(const RopeScalingOptions& scaling) {
  json rope = {{"rope_type", scaling.type}, {"type", scaling.type}, {"factor", scaling.factor}};
  if (scaling.type != "linear")
    rope["original_max_position_embeddings"] = scaling.original_max_position_embeddings;
  if (scaling.type == "llama3") {
    rope["low_freq_factor"] = scaling.low_freq_factor;
    rope["high_freq_factor"] = scaling.high_freq_factor;
  }
  if (scaling.type == "yarn") {
    rope["beta_fast"] = scaling.beta_fast;
    rope["beta_slow"] = scaling.beta_slow;
    if (scaling.attention_factor != 0.0) rope["attention_factor"] = scaling.attention_factor;
  }
  if (scaling.mscale != 0.0) rope["mscale"] = scaling.mscale;
  if (scaling.mscale_all_dim != 0.0) rope["mscale_all_dim"] = scaling.mscale_all_dim;
  return rope;
}

}  // namespace

ModelShape shape_from_config(const json& config, const std::string& file) {
  const ConfigKeys keys(config, file);
  ModelShape shape;
  shape.architecture = keys.required<std::string>("model_type");
  const auto& family = find_family(shape.architecture, file + ": model_type");
  shape.vocab_size = keys.size("vocab_size");
  shape.hidden_size = keys.size("hidden_size");
  shape.num_hidden_layers = keys.size("num_hidden_layers");
  shape.num_attention_heads = keys.size("num_attention_heads");
  shape.num_key_value_heads = keys.optional("num_key_value_heads", shape.num_attention_heads);
  shape.intermediate_size = keys.size("intermediate_size");
  shape.max_position_embeddings =
      keys.optional("max_position_embeddings", shape.max_position_embeddings);
  shape.rms_norm_eps = keys.optional("rms_norm_eps", 1e-6);
  shape.tie_word_embeddings = keys.optional("tie_word_embeddings", false);
  keys.expect<std::string>("hidden_act", "silu");
  read_rope(keys, shape);
  family.read_config(keys, shape);
  base::Problems problems;
  shape.check(file, problems);
  if (!problems.empty())
    throw base::InputError(
        fmt::format("{}: {}", problems.list()[0].key, problems.list()[0].message));
  return shape;
}

json config_from_shape(const ModelShape& shape, const std::vector<std::int64_t>& eos_token_ids,
                       const std::string& dtype_name) {
  const auto& family = find_family(shape.architecture, "model family");
  json config = {{"architectures", {family.architecture}},
                 {"model_type", family.name},
                 {"hidden_act", "silu"},
                 {"vocab_size", shape.vocab_size},
                 {"hidden_size", shape.hidden_size},
                 {"num_hidden_layers", shape.num_hidden_layers},
                 {"num_attention_heads", shape.num_attention_heads},
                 {"num_key_value_heads", shape.kv_heads()},
                 {"intermediate_size", shape.intermediate_size},
                 {"max_position_embeddings", shape.max_position_embeddings},
                 {"rms_norm_eps", shape.rms_norm_eps},
                 {"rope_theta", shape.rope_theta},
                 {"tie_word_embeddings", shape.tie_word_embeddings},
                 {"torch_dtype", dtype_name}};
  family.write_config(shape, config);
  if (shape.rope_scaling.type != "none")
    config["rope_scaling"] = rope_scaling_json(shape.rope_scaling);
  if (eos_token_ids.size() == 1) config["eos_token_id"] = eos_token_ids[0];
  if (eos_token_ids.size() > 1) config["eos_token_id"] = eos_token_ids;
  return config;
}

}  // namespace r1::models
