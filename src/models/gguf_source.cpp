#include "models/gguf_source.h"

#include <ATen/ATen.h>

#include <map>

#include "base/errors.h"
#include "checkpoint/formats/gguf.h"

namespace r1::models {
namespace {

/// "blk.7.attn_q.weight" -> "model.layers.7.self_attn.q_proj.weight"; empty: no tensor of a Llama
/// model.
std::string hugging_face_name(const std::string& gguf) {
  static const std::map<std::string, std::string> top{
      {"token_embd.weight", "model.embed_tokens.weight"},
      {"output_norm.weight", "model.norm.weight"},
      {"output.weight", "lm_head.weight"}};
  static const std::map<std::string, std::string> layer{
      {"attn_norm.weight", "input_layernorm.weight"},
      {"attn_q.weight", "self_attn.q_proj.weight"},
      {"attn_k.weight", "self_attn.k_proj.weight"},
      {"attn_v.weight", "self_attn.v_proj.weight"},
      {"attn_output.weight", "self_attn.o_proj.weight"},
      {"ffn_norm.weight", "post_attention_layernorm.weight"},
      {"ffn_gate.weight", "mlp.gate_proj.weight"},
      {"ffn_up.weight", "mlp.up_proj.weight"},
      {"ffn_down.weight", "mlp.down_proj.weight"}};
  if (const auto found = top.find(gguf); found != top.end()) return found->second;
  const auto number_end = gguf.find('.', 4);
  if (!gguf.starts_with("blk.") || number_end == std::string::npos) return {};
  const auto found = layer.find(gguf.substr(number_end + 1));
  return found == layer.end()
             ? ""
             : fmt::format("model.layers.{}.{}", gguf.substr(4, number_end - 4), found->second);
}

class GgufSource final : public WeightSource {
 public:
  GgufSource(const std::string& path, const ModelShape& shape) : file_(path), shape_(shape) {
    for (const auto& tensor : file_.tensors()) {
      if (tensor.name == "rope_freqs.weight") continue;  // llama.cpp's copy of the llama3 scaling
      auto name = hugging_face_name(tensor.name);
      if (name.empty())
        throw base::InputError(
            fmt::format("{}: tensor '{}' belongs to no Llama model", path, tensor.name));
      gguf_names_[std::move(name)] = tensor.name;
    }
  }
  const std::string& path() const override { return file_.path(); }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, gguf] : gguf_names_) names.push_back(name);
    return names;
  }
  bool has(const std::string& name) const override { return gguf_names_.contains(name); }
  std::vector<std::int64_t> shape(const std::string& name) const override {
    return tensor(name).shape;
  }
  at::Tensor read(const std::string& name) const override {
    const auto& found = tensor(name);
    auto values = at::empty(found.shape, at::kFloat);
    file_.dequantise(found,
                     {values.mutable_data_ptr<float>(), static_cast<std::size_t>(values.numel())});
    checkpoint::release_pages(found.data);
    if (name.ends_with("q_proj.weight")) return halves_first(values, shape_.num_attention_heads);
    if (name.ends_with("k_proj.weight")) return halves_first(values, shape_.kv_heads());
    return values;
  }

 private:
  const checkpoint::GgufTensor& tensor(const std::string& name) const {
    return file_.tensor(gguf_names_.at(name));
  }

  /// Rows of each head: (i, j) -> (j, i) with i < head_dim/2, j < 2.
  static at::Tensor halves_first(const at::Tensor& rows, std::int64_t num_heads) {
    return rows.view({num_heads, -1, 2, rows.size(1)}).transpose(1, 2).reshape(rows.sizes());
  }

  checkpoint::GgufFile file_;
  ModelShape shape_;
  std::map<std::string, std::string> gguf_names_;  // by Hugging Face name
};

}  // namespace

ModelShape gguf_shape(const std::string& path) {
  const checkpoint::GgufFile file(path);
  const auto family = file.string("general.architecture");
  if (family != "llama")
    throw base::InputError(fmt::format(
        "{}: general.architecture '{}' is not supported: expected llama", path, family));
  ModelShape shape;
  shape.hidden_size = file.integer("llama.embedding_length");
  shape.num_hidden_layers = file.integer("llama.block_count");
  shape.num_attention_heads = file.integer("llama.attention.head_count");
  shape.num_key_value_heads = file.has("llama.attention.head_count_kv")
                                  ? file.integer("llama.attention.head_count_kv")
                                  : shape.num_attention_heads;
  shape.intermediate_size = file.integer("llama.feed_forward_length");
  shape.max_position_embeddings = file.integer("llama.context_length");
  shape.rms_norm_eps = file.number("llama.attention.layer_norm_rms_epsilon");
  if (file.has("llama.rope.freq_base")) shape.rope_theta = file.number("llama.rope.freq_base");
  if (file.has("llama.attention.key_length"))
    shape.head_dim = file.integer("llama.attention.key_length");
  shape.vocab_size = file.tensor("token_embd.weight").shape.at(0);
  shape.tie_word_embeddings = !file.has_tensor("output.weight");
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
