#include "models/gguf_export.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/errors.h"
#include "checkpoint/formats/gguf_writer.h"
#include "models/decoder/decoder.h"
#include "models/gguf_source.h"
#include "models/registry.h"
#include "nn/rope.h"

namespace r1::models {
namespace {

using checkpoint::GgmlType;
using checkpoint::GgufValue;
using Metadata = std::vector<std::pair<std::string, GgufValue>>;

std::uint32_t unsigned_of(std::int64_t value) {
  return static_cast<std::uint32_t>(value);
}

/// The name of a tensor in GGUF, and its place in the stack of all experts (-1: no expert's).
struct Place {
  std::string name;
  std::int64_t expert = -1;
};

/// "mlp.experts.7.up_proj.weight" -> "mlp.experts.{}.up_proj.weight" and 7.
Place without_expert(const std::string& name) {
  constexpr std::string_view kExperts = "mlp.experts.";
  Place place{name};
  if (!name.starts_with(kExperts)) return place;
  const auto end = name.find('.', kExperts.size());
  if (end == std::string::npos) return place;
  std::from_chars(name.data() + kExperts.size(), name.data() + end, place.expert);
  place.name.replace(kExperts.size(), end - kExperts.size(), "{}");
  return place;
}

/// "model.layers.3.mlp.up_proj.weight" -> "blk.3.ffn_up.weight"; empty: GGUF has no name for it.
Place gguf_place(const std::string& name, const GgufFamily& family) {
  for (const auto& [ours, theirs] : gguf_top_names())
    if (theirs == name) return {ours};
  constexpr std::string_view kLayers = "model.layers.";
  const auto dot = name.find('.', kLayers.size());
  if (!name.starts_with(kLayers) || dot == std::string::npos) return {};
  const auto number = name.substr(kLayers.size(), dot - kLayers.size());
  const Place in_layer = without_expert(name.substr(dot + 1));
  for (const auto* names : {&family.names, &gguf_layer_names()})
    for (const auto& [ours, theirs] : *names)
      if (theirs == in_layer.name) return {fmt::format("blk.{}.{}", number, ours), in_layer.expert};
  return {};
}

/// Rows of each head: (j, i) -> (i, j) with i < head_dim/2, j < 2, as llama.cpp pairs neighbours.
at::Tensor neighbours_first(const at::Tensor& rows, std::int64_t num_heads) {
  return rows.view({num_heads, 2, -1, rows.numel() / rows.size(0)})
      .transpose(1, 2)
      .reshape(rows.sizes());
}

at::Tensor as_stored(const at::Tensor& value, const std::string& name, const ModelShape& shape,
                     const GgufFamily& family) {
  const auto values = value.to(at::kCPU, at::kFloat).contiguous();
  if (!family.pairs_neighbours) return values;
  if (name.find(".q_proj.") != std::string::npos)
    return neighbours_first(values, shape.num_attention_heads).contiguous();
  if (name.find(".k_proj.") != std::string::npos)
    return neighbours_first(values, shape.kv_heads()).contiguous();
  return values;
}

void describe_rope(const ModelShape& shape, const std::string& prefix, Metadata& metadata) {
  const auto& scaling = shape.rope_scaling;
  metadata.emplace_back(prefix + "rope.freq_base", static_cast<float>(shape.rope_theta));
  metadata.emplace_back(prefix + "rope.dimension_count", unsigned_of(shape.head_width()));
  if (scaling.type == "none" || scaling.type == "llama3") return;
  metadata.emplace_back(prefix + "rope.scaling.type", scaling.type);
  metadata.emplace_back(prefix + "rope.scaling.factor", static_cast<float>(scaling.factor));
  if (scaling.type != "yarn") return;
  metadata.emplace_back(prefix + "rope.scaling.original_context_length",
                        unsigned_of(scaling.original_max_position_embeddings));
  metadata.emplace_back(prefix + "rope.scaling.yarn_beta_fast",
                        static_cast<float>(scaling.beta_fast));
  metadata.emplace_back(prefix + "rope.scaling.yarn_beta_slow",
                        static_cast<float>(scaling.beta_slow));
  if (scaling.attention_factor > 0.0)
    metadata.emplace_back(prefix + "rope.scaling.yarn_attn_factor",
                          static_cast<float>(scaling.attention_factor));
}

/// Sets a key, in place of what the shape of an ordinary attention gave it.
void set(Metadata& metadata, const std::string& key, GgufValue value) {
  std::erase_if(metadata, [&](const auto& entry) { return entry.first == key; });
  metadata.emplace_back(key, std::move(value));
}

/// A cached latent serves all heads: llama.cpp sees one head of keys as wide as the latent.
void describe_latent_attention(const ModelShape& shape, const std::string& prefix,
                               Metadata& metadata) {
  const auto& latent = shape.latent_attention;
  if (!latent.rope_interleave)
    throw base::InputError(
        "rope_interleave = false: GGUF files of this family pair neighbouring dimensions");
  const auto width = [&](const char* key, std::int64_t value) {
    set(metadata, prefix + key, unsigned_of(value));
  };
  if (latent.q_lora_rank > 0) width("attention.q_lora_rank", latent.q_lora_rank);
  width("attention.kv_lora_rank", latent.kv_lora_rank);
  width("attention.head_count_kv", 1);
  width("attention.key_length", latent.kv_lora_rank + latent.qk_rope_head_dim);
  width("attention.value_length", latent.kv_lora_rank);
  width("attention.key_length_mla", latent.qk_nope_head_dim + latent.qk_rope_head_dim);
  width("attention.value_length_mla", latent.v_head_dim);
  width("rope.dimension_count", latent.qk_rope_head_dim);
  constexpr float kOfMscale = 0.1F;
  if (shape.rope_scaling.type == "yarn")
    set(metadata, prefix + "rope.scaling.yarn_log_multiplier",
        kOfMscale * static_cast<float>(shape.rope_scaling.mscale_all_dim));
}

void describe_experts(const ModelShape& shape, const std::string& prefix, Metadata& metadata) {
  const auto& experts = shape.experts;
  constexpr std::int64_t kSigmoid = 2;  // of llama.cpp's gating functions
  for (const auto& [key, value] : std::initializer_list<std::pair<const char*, std::int64_t>>{
           {"leading_dense_block_count", shape.dense_layers()},
           {"expert_gating_func", kSigmoid},
           {"expert_count", experts.num_experts},
           {"expert_used_count", experts.num_experts_per_token},
           {"expert_shared_count", experts.num_shared_experts},
           {"expert_feed_forward_length", experts.moe_intermediate_size},
           {"expert_group_count", experts.num_groups},
           {"expert_group_used_count", experts.num_groups_per_token}})
    metadata.emplace_back(prefix + key, unsigned_of(value));
  metadata.emplace_back(prefix + "expert_weights_scale",
                        static_cast<float>(experts.routed_scaling_factor));
  metadata.emplace_back(prefix + "expert_weights_norm", experts.normalize_weights);
}

void describe_shape(const ModelShape& shape, const GgufFamily& family, GgmlType type,
                    Metadata& metadata) {
  const auto prefix = family.architecture + ".";
  const auto file_type = type == GgmlType::F32    ? 0u
                         : type == GgmlType::F16  ? 1u
                         : type == GgmlType::Q8_0 ? 7u
                                                  : 32u;  // of LLAMA_FTYPE: mostly BF16
  metadata.emplace_back("general.architecture", family.architecture);
  metadata.emplace_back("general.file_type", file_type);
  metadata.emplace_back("general.quantization_version", 2u);
  metadata.emplace_back(prefix + "block_count", unsigned_of(shape.num_hidden_layers));
  metadata.emplace_back(prefix + "context_length", unsigned_of(shape.max_position_embeddings));
  metadata.emplace_back(prefix + "embedding_length", unsigned_of(shape.hidden_size));
  metadata.emplace_back(prefix + "feed_forward_length", unsigned_of(shape.intermediate_size));
  metadata.emplace_back(prefix + "attention.head_count", unsigned_of(shape.num_attention_heads));
  metadata.emplace_back(prefix + "attention.head_count_kv", unsigned_of(shape.kv_heads()));
  metadata.emplace_back(prefix + "attention.key_length", unsigned_of(shape.head_width()));
  metadata.emplace_back(prefix + "attention.value_length", unsigned_of(shape.head_width()));
  metadata.emplace_back(prefix + "attention.layer_norm_rms_epsilon",
                        static_cast<float>(shape.rms_norm_eps));
  metadata.emplace_back(prefix + "vocab_size", unsigned_of(shape.vocab_size));
  describe_rope(shape, prefix, metadata);
  if (shape.has_latent_attention()) describe_latent_attention(shape, prefix, metadata);
  if (shape.experts.num_experts > 0) describe_experts(shape, prefix, metadata);
}

/// The name under which GGUF's readers know how this tokenizer cuts texts.
std::string pre_tokenizer(const tokenizer::Definition& definition, const std::string& path) {
  for (const char* name : {"llama-bpe", "qwen2", "deepseek-v3", "smollm", "gpt-2"})
    if (tokenizer::known_split_patterns(name) == definition.split_patterns) return name;
  throw base::InputError(
      fmt::format("{}: the tokenizer cuts texts by patterns that have no name in GGUF (known: "
                  "llama-bpe, qwen2, "
                  "deepseek-v3, smollm, gpt-2)",
                  path));
}

void describe_tokens(const tokenizer::Definition& definition, std::int64_t vocab_size,
                     Metadata& metadata) {
  // Values of tokenizer.ggml.token_type.
  constexpr std::int32_t kNormal = 1, kControl = 3, kUserDefined = 4, kUnused = 5;
  std::vector<std::string> tokens = definition.vocab;
  tokens.resize(static_cast<std::size_t>(vocab_size));
  std::vector<std::int32_t> types(tokens.size(), kNormal);
  for (const auto& added : definition.added_tokens) {
    const auto id = static_cast<std::size_t>(added.id);
    tokens.at(id) = added.content;
    types.at(id) = added.special ? kControl : kUserDefined;
  }
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (!tokens[id].empty()) continue;
    tokens[id] = fmt::format("[PAD{}]", id);
    types[id] = kUnused;
  }
  std::vector<std::string> merges;
  for (const auto& [left, right] : definition.merges) merges.push_back(left + " " + right);
  metadata.emplace_back("tokenizer.ggml.tokens", std::move(tokens));
  metadata.emplace_back("tokenizer.ggml.token_type", std::move(types));
  metadata.emplace_back("tokenizer.ggml.merges", std::move(merges));
}

void describe_tokenizer(const tokenizer::Definition& definition, std::int64_t vocab_size,
                        const std::string& path, Metadata& metadata) {
  metadata.emplace_back("tokenizer.ggml.model", std::string("gpt2"));
  metadata.emplace_back("tokenizer.ggml.pre", pre_tokenizer(definition, path));
  describe_tokens(definition, vocab_size, metadata);
  const auto add_id = [&metadata](const char* key, tokenizer::TokenId id) {
    metadata.emplace_back(key, static_cast<std::uint32_t>(id));
  };
  if (definition.bos_id) add_id("tokenizer.ggml.bos_token_id", *definition.bos_id);
  if (!definition.eos_ids.empty()) add_id("tokenizer.ggml.eos_token_id", definition.eos_ids[0]);
  if (definition.eos_ids.size() > 1) add_id("tokenizer.ggml.eot_token_id", definition.eos_ids[1]);
  if (definition.pad_id) add_id("tokenizer.ggml.padding_token_id", *definition.pad_id);
  metadata.emplace_back("tokenizer.ggml.add_bos_token", definition.adds_bos);
  for (const auto& chat : definition.chat_templates)
    if (chat.name == "default") metadata.emplace_back("tokenizer.chat_template", chat.text);
}

/// Llama 3's scaling: by how much each wave length is stretched.
std::optional<at::Tensor> rope_factors(const ModelShape& shape) {
  if (shape.rope_scaling.type != "llama3") return std::nullopt;
  ModelShape unscaled = shape;
  unscaled.rope_scaling = {};
  const auto plain = nn::rope_inverse_frequencies(rope_config(unscaled), shape.head_width());
  const auto scaled = nn::rope_inverse_frequencies(rope_config(shape), shape.head_width());
  auto factors = at::empty({static_cast<std::int64_t>(plain.size())}, at::kFloat);
  for (std::size_t i = 0; i < plain.size(); ++i)
    factors[static_cast<std::int64_t>(i)] = plain[i] / scaled[i];
  return factors;
}

/// A tensor of the file: its entry, and what gives its values.
struct Stored {
  checkpoint::GgufEntry entry;
  std::function<at::Tensor()> values;  // fp32, in the entry's order
};

/// The tensors of the file in the order of the model's parameters; experts' matrices are stacked
/// [E, rows, columns], and the latent attention's kv_b is split as llama.cpp's attention needs it.
class StoredTensors {
 public:
  StoredTensors(const ModelShape& shape, const GgufFamily& family, GgmlType type, std::string path)
      : shape_(shape), family_(family), type_(type), path_(std::move(path)) {}

  void add(const std::string& name, const at::Tensor& rows) {
    const Place place = gguf_place(name, family_);
    if (place.name.empty())
      throw base::InputError(fmt::format(
          "{}: tensor '{}' has no place in the GGUF files that this program writes", path_, name));
    if (place.expert >= 0)
      stack(place.name, rows);
    else if (place.name.ends_with(".attn_kv_b.weight"))
      split_latent(place.name, rows);
    else
      push(place.name, rows.sizes().vec(),
           [this, rows, name] { return as_stored(rows, name, shape_, family_); });
  }
  /// A vector that is stored as it is.
  void add_vector(const std::string& name, const at::Tensor& values) {
    push(name, values.sizes().vec(), [values] { return values; });
  }
  const std::vector<Stored>& all() const { return all_; }

 private:
  void push(const std::string& name, std::vector<std::int64_t> sizes,
            std::function<at::Tensor()> values) {
    constexpr std::int64_t kBlock = 32;
    // llama.cpp reads the router in fp32.
    const bool whole = sizes.size() < 2 || name.ends_with(".ffn_gate_inp.weight");
    if (!whole && type_ == GgmlType::Q8_0 && sizes.back() % kBlock != 0)
      throw base::InputError(
          fmt::format("{}: tensor '{}': rows of {} values, Q8_0 needs a multiple of {}", path_,
                      name, sizes.back(), kBlock));
    all_.push_back({{name, whole ? GgmlType::F32 : type_, std::move(sizes)}, std::move(values)});
  }

  /// The model names its experts in order.
  void stack(const std::string& name, const at::Tensor& rows) {
    auto& parts = stacks_[name];
    if (!parts) {
      parts = std::make_shared<std::vector<at::Tensor>>();
      push(name, {shape_.experts.num_experts, rows.size(0), rows.size(1)},
           [parts] { return at::stack(*parts).to(at::kCPU, at::kFloat).contiguous(); });
    }
    parts->push_back(rows);
  }

  /// [H (N + V), R] -> the keys' half [H, R, N] and the values' half [H, V, R].
  void split_latent(const std::string& name, const at::Tensor& rows) {
    const auto& latent = shape_.latent_attention;
    const auto heads = shape_.num_attention_heads, rank = rows.size(1);
    const auto part = [=](std::int64_t begin, std::int64_t size) {
      return rows.view({heads, -1, rank}).narrow(1, begin, size).to(at::kCPU, at::kFloat);
    };
    const auto keys = latent.qk_nope_head_dim, values = latent.v_head_dim;
    const auto prefix = name.substr(0, name.find("attn_kv_b"));
    push(prefix + "attn_k_b.weight", {heads, rank, keys},
         [=] { return part(0, keys).transpose(1, 2).contiguous(); });
    push(prefix + "attn_v_b.weight", {heads, values, rank},
         [=] { return part(keys, values).contiguous(); });
  }

  const ModelShape& shape_;
  const GgufFamily& family_;
  GgmlType type_;
  std::string path_;
  std::vector<Stored> all_;
  std::map<std::string, std::shared_ptr<std::vector<at::Tensor>>> stacks_;
};

}  // namespace

void write_gguf_model(const Model& model, const tokenizer::Definition* definition, GgmlType type,
                      const std::string& path) {
  const ModelShape& shape = model.shape();
  const GgufFamily& family = find_family(shape.architecture, path).gguf;
  Metadata metadata;
  describe_shape(shape, family, type, metadata);
  if (definition != nullptr) describe_tokenizer(*definition, shape.vocab_size, path, metadata);
  StoredTensors tensors(shape, family, type, path);
  if (const auto factors = rope_factors(shape)) tensors.add_vector("rope_freqs.weight", *factors);
  for (const auto& parameter : model.parameters())
    for (const auto& slice : parameter.slices) tensors.add(slice.name, rows_of(parameter, slice));
  std::vector<checkpoint::GgufEntry> entries;
  for (const Stored& stored : tensors.all()) entries.push_back(stored.entry);
  checkpoint::GgufWriter writer(path, metadata, entries);
  for (const Stored& stored : tensors.all()) {
    const auto value = stored.values();
    writer.write(stored.entry.name,
                 {value.const_data_ptr<float>(), static_cast<std::size_t>(value.numel())});
  }
  writer.finish();
}

}  // namespace r1::models
