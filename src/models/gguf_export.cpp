#include "models/gguf_export.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
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

/// "model.layers.3.mlp.up_proj.weight" -> "blk.3.ffn_up.weight"; empty: GGUF has no name for it.
std::string gguf_name(const std::string& name, const GgufFamily& family) {
  for (const auto& [ours, theirs] : gguf_top_names())
    if (theirs == name) return ours;
  constexpr std::string_view kLayers = "model.layers.";
  const auto dot = name.find('.', kLayers.size());
  if (!name.starts_with(kLayers) || dot == std::string::npos) return {};
  const auto number = name.substr(kLayers.size(), dot - kLayers.size());
  for (const auto* names : {&family.names, &gguf_layer_names()})
    for (const auto& [ours, theirs] : *names)
      if (theirs == name.substr(dot + 1)) return fmt::format("blk.{}.{}", number, ours);
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

}  // namespace

void write_gguf_model(const Model& model, const tokenizer::Definition* definition, GgmlType type,
                      const std::string& path) {
  constexpr std::int64_t kBlock = 32;
  const ModelShape& shape = model.shape();
  const GgufFamily& family = find_family(shape.architecture, path).gguf;
  Metadata metadata;
  describe_shape(shape, family, type, metadata);
  if (definition != nullptr) describe_tokenizer(*definition, shape.vocab_size, path, metadata);
  std::vector<checkpoint::GgufEntry> entries;
  std::vector<std::function<at::Tensor()>> values;
  const auto factors = rope_factors(shape);
  if (factors) {
    entries.push_back({"rope_freqs.weight", GgmlType::F32, factors->sizes().vec()});
    values.emplace_back([&factors] { return *factors; });
  }
  for (const auto& parameter : model.parameters())
    for (const auto& slice : parameter.slices) {
      const auto rows = rows_of(parameter, slice);
      const auto name = gguf_name(slice.name, family);
      if (name.empty())
        throw base::InputError(
            fmt::format("{}: tensor '{}' has no place in the GGUF files that this program writes "
                        "(dense models)",
                        path, slice.name));
      const bool is_matrix = rows.dim() > 1;
      if (is_matrix && type == GgmlType::Q8_0 && rows.size(-1) % kBlock != 0)
        throw base::InputError(
            fmt::format("{}: tensor '{}': rows of {} values, Q8_0 needs a multiple of {}", path,
                        slice.name, rows.size(-1), kBlock));
      entries.push_back({name, is_matrix ? type : GgmlType::F32, rows.sizes().vec()});
      values.emplace_back(
          [rows, &slice, &shape, &family] { return as_stored(rows, slice.name, shape, family); });
    }
  checkpoint::GgufWriter writer(path, metadata, entries);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto value = values[i]();
    writer.write(entries[i].name,
                 {value.const_data_ptr<float>(), static_cast<std::size_t>(value.numel())});
  }
  writer.finish();
}

}  // namespace r1::models
