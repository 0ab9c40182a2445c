// Names of BERT's tensors in Hugging Face files, and the keys of BERT's config.json.
#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/errors.h"
#include "base/files.h"
#include "base/json.h"
#include "models/bert_classifier/bert_classifier.h"
#include "models/finite.h"
#include "models/safetensors_source.h"

namespace r1::models {
namespace {

using nlohmann::json;

std::int64_t size_of(const json& config, const char* key, const std::string& file) {
  const auto found = config.find(key);
  if (found == config.end() || !found->is_number_integer() || found->get<std::int64_t>() <= 0)
    throw base::InputError(fmt::format("{}: key '{}': expected a number > 0, found {}", file, key,
                                       found == config.end() ? "nothing" : found->dump()));
  return found->get<std::int64_t>();
}

void expect(const json& config, const char* key, const std::string& value,
            const std::string& file) {
  const auto found = config.find(key);
  if (found != config.end() && !found->is_null() && *found != value)
    throw base::InputError(
        fmt::format("{}: key '{}': expected {}, found {}", file, key, value, found->dump()));
}

}  // namespace

BertShape bert_shape(const json& config, const std::string& file) {
  BertShape shape;
  expect(config, "hidden_act", "gelu", file);
  expect(config, "position_embedding_type", "absolute", file);
  shape.vocab_size = size_of(config, "vocab_size", file);
  shape.hidden_size = size_of(config, "hidden_size", file);
  shape.num_hidden_layers = size_of(config, "num_hidden_layers", file);
  shape.num_attention_heads = size_of(config, "num_attention_heads", file);
  shape.intermediate_size = size_of(config, "intermediate_size", file);
  shape.max_position_embeddings = size_of(config, "max_position_embeddings", file);
  if (config.contains("type_vocab_size"))
    shape.type_vocab_size = size_of(config, "type_vocab_size", file);
  if (const auto labels = config.find("id2label"); labels != config.end() && labels->is_object())
    shape.num_labels = static_cast<std::int64_t>(labels->size());
  else if (config.contains("num_labels"))  // written by hand: transformers reads it too
    shape.num_labels = size_of(config, "num_labels", file);
  if (const auto eps = config.find("layer_norm_eps"); eps != config.end() && eps->is_number())
    shape.layer_norm_eps = eps->get<double>();
  if (shape.hidden_size % shape.num_attention_heads != 0)
    throw base::InputError(
        fmt::format("{}: hidden_size {} is no multiple of num_attention_heads {}", file,
                    shape.hidden_size, shape.num_attention_heads));
  if (shape.num_labels == 0) throw base::InputError(file + ": key 'id2label': it names no label");
  return shape;
}

void BertClassifier::register_parameters() {
  const auto add = [this](const at::Tensor& value, const std::string& name) {
    parameters_.push_back({value, {{name, 0, value.size(0)}}, value.dim() > 1});
  };
  const auto pair = [&](const auto& part, const std::string& name) {
    add(part.weight, name + ".weight");
    add(part.bias, name + ".bias");
  };
  add(words_, "bert.embeddings.word_embeddings.weight");
  add(positions_, "bert.embeddings.position_embeddings.weight");
  add(types_, "bert.embeddings.token_type_embeddings.weight");
  pair(embedding_norm_, "bert.embeddings.LayerNorm");
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const auto& layer = layers_[i];
    const auto prefix = fmt::format("bert.encoder.layer.{}.", i);
    pair(layer.query, prefix + "attention.self.query");
    pair(layer.key, prefix + "attention.self.key");
    pair(layer.value, prefix + "attention.self.value");
    pair(layer.attended, prefix + "attention.output.dense");
    pair(layer.attention_norm, prefix + "attention.output.LayerNorm");
    pair(layer.inner, prefix + "intermediate.dense");
    pair(layer.outer, prefix + "output.dense");
    pair(layer.output_norm, prefix + "output.LayerNorm");
  }
  pair(pooler_, "bert.pooler.dense");
  pair(head_, "classifier");
}

void BertClassifier::load(const WeightSource& source) {
  const auto names = source.names();
  std::set<std::string> left(names.begin(), names.end());
  for (auto& parameter : parameters_) {
    const auto& name = parameter.slices.front().name;
    if (left.erase(name) == 0)
      throw base::InputError(fmt::format("{}: tensor '{}' is missing", source.path(), name));
    const auto shape = source.shape(name);
    if (at::IntArrayRef(shape) != parameter.value.sizes())
      throw base::InputError(
          fmt::format("{}: tensor '{}': expected shape [{}], found [{}]", source.path(), name,
                      fmt::join(parameter.value.sizes(), ", "), fmt::join(shape, ", ")));
    parameter.value.copy_(source.read(name));
    require_finite(parameter.value, source.path(), name);
  }
  for (const auto& name : left)
    if (!name.ends_with("embeddings.position_ids"))  // a constant that old files hold
      throw base::InputError(
          fmt::format("{}: tensor '{}' belongs to no parameter of a BERT "
                      "sequence classifier",
                      source.path(), name));
}

std::unique_ptr<SequenceClassifier> load_bert_classifier(const std::string& folder,
                                                         at::ScalarType dtype, at::Device device) {
  const auto file = folder + "/config.json";
  const auto config = base::parse_json(base::read_file(file), file);
  auto model = std::make_unique<BertClassifier>(bert_shape(config, file), dtype, device);
  model->load(*open_safetensors_weights(folder));
  return model;
}

}  // namespace r1::models
