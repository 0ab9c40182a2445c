#include "models/gguf_source.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "base/errors.h"
#include "models/gguf_keys.h"
#include "models/registry.h"

namespace r1::models {

const std::map<std::string, std::string>& gguf_top_names() {
  static const std::map<std::string, std::string> names{
      {"token_embd.weight", "model.embed_tokens.weight"},
      {"output_norm.weight", "model.norm.weight"},
      {"output.weight", "lm_head.weight"}};
  return names;
}

const std::map<std::string, std::string>& gguf_layer_names() {
  static const std::map<std::string, std::string> names{
      {"attn_norm.weight", "input_layernorm.weight"},
      {"attn_output.weight", "self_attn.o_proj.weight"},
      {"ffn_norm.weight", "post_attention_layernorm.weight"},
      {"ffn_gate.weight", "mlp.gate_proj.weight"},
      {"ffn_up.weight", "mlp.up_proj.weight"},
      {"ffn_down.weight", "mlp.down_proj.weight"}};
  return names;
}

namespace {

using checkpoint::GgufBox;
using checkpoint::GgufFile;
using checkpoint::GgufTensor;

const std::string kEachExpert = "{}";

/// Where a tensor of Hugging Face files comes from.
struct Origin {
  const GgufTensor* tensor = nullptr;
  std::int64_t expert = -1;  // of a stack [E, rows, columns]; -1: no stack
  const GgufTensor* latent_values =
      nullptr;  // `tensor` holds the keys' half [H, R, N], this [H, V, R]
};

class GgufSource final : public WeightSource {
 public:
  GgufSource(const std::string& path, const ModelShape& shape)
      : file_(path), shape_(shape), family_(find_family(shape.architecture, path).gguf) {
    for (const auto& tensor : file_.tensors()) add(tensor);
  }
  const std::string& path() const override { return file_.path(); }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, origin] : origins_) names.push_back(name);
    return names;
  }
  bool has(const std::string& name) const override { return origins_.contains(name); }
  std::vector<std::int64_t> shape(const std::string& name) const override {
    const auto& origin = origins_.at(name);
    const auto& sizes = origin.tensor->shape;
    if (origin.latent_values != nullptr)
      return {sizes[0] * (sizes[2] + origin.latent_values->shape[1]), sizes[1]};
    if (origin.expert >= 0) return {sizes.begin() + 1, sizes.end()};
    return sizes;
  }
  at::ScalarType dtype(const std::string& /*name*/) const override { return at::kFloat; }
  at::Tensor read(const std::string& name) const override {
    const auto& origin = origins_.at(name);
    const auto sizes = shape(name);
    if (origin.latent_values != nullptr)
      return at::cat({read_all(*origin.tensor).transpose(1, 2), read_all(*origin.latent_values)}, 1)
          .reshape(sizes);
    if (origin.expert >= 0)
      return read_matrix(*origin.tensor, {origin.expert * sizes[0], sizes[0], 0, sizes[1]});
    const auto values = read_all(*origin.tensor);
    const auto heads = num_permuted_heads(name);
    return heads > 0 ? halves_first(values, heads) : values;
  }
  void fill(const at::Tensor& rows, const WeightSlice& slice) const override {
    const auto& origin = origins_.at(slice.name);
    const auto num_dims = origin.tensor->shape.size();
    if (slice.offset.empty() || origin.latent_values != nullptr || num_dims != 2)
      rows.copy_(box_of(read(slice.name), slice, rows.sizes()));
    else
      rows.copy_(read_box(slice, {slice.offset[0], rows.size(0), slice.offset[1], rows.size(1)}));
  }
  std::int64_t bytes_read() const override { return bytes_read_; }

 private:
  void add(const GgufTensor& tensor) {
    const auto& name = tensor.name;
    if (name == "rope_freqs.weight") return;  // the shape's llama3 scaling (gguf_shape)
    if (const auto found = gguf_top_names().find(name); found != gguf_top_names().end()) {
      origins_[found->second] = {&tensor};
      return;
    }
    std::int64_t layer = -1;
    const auto number_end = name.find('.', 4);
    if (name.starts_with("blk.") && number_end != std::string::npos)
      std::from_chars(name.data() + 4, name.data() + number_end, layer);
    if (layer < 0 || !add_layers(tensor, layer, name.substr(number_end + 1)))
      throw base::InputError(fmt::format("{}: tensor '{}' belongs to no {} model", path(), name,
                                         family_.architecture));
  }

  /// A layer's tensor; `name` is what stands behind "blk.N.".
  bool add_layers(const GgufTensor& tensor, std::int64_t layer, const std::string& name) {
    const auto prefix = fmt::format("model.layers.{}.", layer);
    if (layer >= shape_.num_hidden_layers) {  // reported by who loads the weights
      origins_[prefix + name] = {&tensor};
      return true;
    }
    if (name == "attn_k_b.weight" || name == "attn_v_b.weight") return add_latent(layer, prefix);
    const auto found = find(name);
    if (!found) return false;
    const auto at = found->find(kEachExpert);
    if (at == std::string::npos) {
      origins_[prefix + *found] = {&tensor};
      return true;
    }
    if (tensor.shape.size() != 3)
      throw base::InputError(
          fmt::format("{}: tensor '{}': expected the experts' matrices in 3 dimensions, found [{}]",
                      path(), tensor.name, fmt::join(tensor.shape, ", ")));
    for (std::int64_t e = 0; e < tensor.shape[0]; ++e) {
      auto full = prefix + *found;
      full.replace(prefix.size() + at, kEachExpert.size(), std::to_string(e));
      origins_[full] = {&tensor, e};
    }
    return true;
  }

  std::optional<std::string> find(const std::string& name) const {
    for (const auto* names : {&family_.names, &gguf_layer_names()})
      if (const auto found = names->find(name); found != names->end()) return found->second;
    return std::nullopt;
  }

  /// kv_b_proj of its two halves, unless the file has it whole too.
  bool add_latent(std::int64_t layer, const std::string& prefix) {
    if (!find("attn_kv_b.weight")) return false;
    const auto whole = fmt::format("blk.{}.attn_kv_b.weight", layer);
    if (file_.has_tensor(whole)) return true;
    const auto& keys = file_.tensor(fmt::format("blk.{}.attn_k_b.weight", layer));
    const auto& values = file_.tensor(fmt::format("blk.{}.attn_v_b.weight", layer));
    const auto &k = keys.shape, &v = values.shape;
    if (k.size() != 3 || v.size() != 3 || k[0] != v[0] || k[1] != v[2])
      throw base::InputError(fmt::format(
          "{}: tensors '{}' [{}] and '{}' [{}]: expected [heads, latent, keys] and [heads, values, "
          "latent]",
          path(), keys.name, fmt::join(k, ", "), values.name, fmt::join(v, ", ")));
    origins_[prefix + *find("attn_kv_b.weight")] = {&keys, -1, &values};
    return true;
  }

  at::Tensor read_all(const GgufTensor& tensor) const {
    return read_matrix(tensor, {0, tensor.num_rows(), 0, tensor.row_length()}).view(tensor.shape);
  }

  at::Tensor read_matrix(const GgufTensor& tensor, const GgufBox& box) const {
    auto values = at::empty({box.num_rows, box.num_columns}, at::kFloat);
    bytes_read_ += file_.dequantise_box(
        tensor, box, {values.mutable_data_ptr<float>(), static_cast<std::size_t>(values.numel())});
    checkpoint::release_pages(tensor.data);
    return values;
  }

  at::Tensor read_box(const WeightSlice& slice, const GgufBox& box) const {
    const auto& tensor = *origins_.at(slice.name).tensor;
    const auto heads = num_permuted_heads(slice.name);
    if (heads == 0) return read_matrix(tensor, box);
    // Rows are permuted within a head: all of the heads that the box touches.
    const auto head_rows = tensor.shape[0] / heads;
    const auto first = box.first_row / head_rows * head_rows;
    const auto end = (box.first_row + box.num_rows + head_rows - 1) / head_rows * head_rows;
    const auto rows = read_matrix(tensor, {first, end - first, box.first_column, box.num_columns});
    return halves_first(rows, (end - first) / head_rows)
        .narrow(0, box.first_row - first, box.num_rows);
  }

  /// Heads whose rows llama.cpp permuted in this tensor; 0: none.
  std::int64_t num_permuted_heads(const std::string& name) const {
    if (!family_.pairs_neighbours) return 0;
    if (name.find(".q_proj.") != std::string::npos) return shape_.num_attention_heads;
    if (name.find(".k_proj.") != std::string::npos) return shape_.kv_heads();
    return 0;
  }

  /// Rows of each head: (i, j) -> (j, i) with i < head_dim/2, j < 2. A matrix or a bias.
  at::Tensor halves_first(const at::Tensor& rows, std::int64_t num_heads) const {
    if (rows.dim() == 0 || rows.size(0) % (2 * num_heads) != 0)
      return rows;  // refused by its shape
    return rows.view({num_heads, -1, 2, rows.numel() / rows.size(0)})
        .transpose(1, 2)
        .reshape(rows.sizes());
  }

  GgufFile file_;
  ModelShape shape_;
  const GgufFamily& family_;
  std::map<std::string, Origin> origins_;  // by Hugging Face name
  mutable std::int64_t bytes_read_ = 0;
};

const Family& family_of(const GgufFile& file) {
  const auto name = file.string("general.architecture");
  std::vector<std::string> known;
  for (const auto& family : families()) {
    if (family.gguf.architecture == name) return family;
    known.push_back(family.gguf.architecture);
  }
  throw base::InputError(fmt::format("{}: general.architecture '{}' is not supported: expected {}",
                                     file.path(), name, fmt::join(known, ", ")));
}

/// As llama.cpp reads it: a factor without a type scales linearly, also under the key of old files;
/// 0 and 1 scale nothing. Reference: llama_model::load_hparams of llama.cpp.
void read_rope(const GgufKeys& keys, ModelShape& shape) {
  auto& scaling = shape.rope_scaling;
  shape.rope_theta = keys.number("rope.freq_base", shape.rope_theta);
  const auto factor = keys.number("rope.scaling.factor", keys.number("rope.scale_linear", 0.0));
  const auto type = keys.string("rope.scaling.type", factor == 0.0 ? "none" : "linear");
  if (type != "none" && type != "linear" && type != "yarn")
    throw base::InputError(
        fmt::format("{}: rope.scaling.type '{}' is not supported: expected none, linear or yarn",
                    keys.file().path(), type));
  scaling.type = type;
  if (type == "none") return;
  scaling.factor = factor == 0.0 ? 1.0 : factor;
  scaling.original_max_position_embeddings =
      keys.integer("rope.scaling.original_context_length", shape.max_position_embeddings);
  scaling.beta_fast = keys.number("rope.scaling.yarn_beta_fast", scaling.beta_fast);
  scaling.beta_slow = keys.number("rope.scaling.yarn_beta_slow", scaling.beta_slow);
  scaling.attention_factor = keys.number("rope.scaling.yarn_attn_factor", 0.0);
}

}  // namespace

ModelShape gguf_shape(const std::string& path) {
  const GgufFile file(path);
  const auto& family = family_of(file);
  const GgufKeys keys(file, family.gguf.architecture);
  ModelShape shape;
  shape.architecture = family.name;
  shape.hidden_size = keys.integer("embedding_length");
  shape.num_hidden_layers = keys.integer("block_count") - keys.integer("nextn_predict_layers", 0);
  shape.num_attention_heads = keys.integer("attention.head_count");
  shape.num_key_value_heads = keys.integer("attention.head_count_kv", shape.num_attention_heads);
  shape.intermediate_size = keys.integer("feed_forward_length");
  shape.max_position_embeddings = keys.integer("context_length");
  shape.rms_norm_eps = keys.number("attention.layer_norm_rms_epsilon");
  shape.head_dim = keys.integer("attention.key_length", 0);
  shape.vocab_size = file.tensor("token_embd.weight").shape.at(0);
  shape.tie_word_embeddings = !file.has_tensor("output.weight");
  read_rope(keys, shape);
  family.gguf.read_shape(keys, shape);
  base::Problems problems;
  shape.check(path, problems);
  if (!problems.empty())
    throw base::InputError(
        fmt::format("{}: {}", problems.list()[0].key, problems.list()[0].message));
  return shape;
}

std::unique_ptr<WeightSource> open_gguf_weights(const std::string& path, const ModelShape& shape) {
  return std::make_unique<GgufSource>(path, shape);
}

}  // namespace r1::models
