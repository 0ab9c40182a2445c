#include "models/classifier.h"

#include <fmt/ranges.h>

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "base/files.h"
#include "base/json.h"
#include "models/bert_classifier/bert_classifier.h"
#include "models/config_keys.h"
#include "models/decoder_classifier.h"
#include "models/registry.h"

namespace r1::models {
namespace {

namespace fs = std::filesystem;

using Loader = std::function<std::unique_ptr<SequenceClassifier>(const std::string& folder,
                                                                 at::ScalarType, at::Device)>;

constexpr const char* kClassifierSuffix = "ForSequenceClassification";
constexpr const char* kBertClassifier = "BertForSequenceClassification";

/// "LlamaForCausalLM" -> "LlamaForSequenceClassification".
std::string classifier_of(const std::string& architecture) {
  return architecture.substr(0, architecture.find("ForCausalLM")) + kClassifierSuffix;
}

/// By an entry of config.json's `architectures`. Every decoder-only family has a classifier.
const std::map<std::string, Loader>& loaders() {
  static const std::map<std::string, Loader> table = [] {
    std::map<std::string, Loader> all{{kBertClassifier, load_bert_classifier}};
    for (const auto& family : families())
      all[classifier_of(family.architecture)] = load_decoder_classifier;
    return all;
  }();
  return table;
}

/// The entries of `architectures`; none when there is no config.json.
std::vector<std::string> architectures(const std::string& folder) {
  const auto file = (fs::path(folder) / "config.json").string();
  if (!fs::exists(file)) return {};
  const auto config = base::parse_json(base::read_file(file), file);
  if (!config.is_object()) throw base::InputError(fmt::format("{}: not a JSON object", file));
  return ConfigKeys(config, file).optional<std::vector<std::string>>("architectures", {});
}

}  // namespace

at::Tensor SequenceClassifier::logits(
    const std::vector<std::vector<std::int64_t>>& sequences) const {
  std::vector<ClassifierInput> inputs;
  for (const auto& sequence : sequences) inputs.push_back({sequence});
  return classify(inputs);
}

std::string classifier_architecture(const ModelShape& shape) {
  return classifier_of(find_family(shape.architecture, "model family").architecture);
}

bool is_classifier(const std::string& folder) {
  for (const auto& name : architectures(folder))
    if (name.ends_with(kClassifierSuffix)) return true;
  return false;
}

std::optional<ModelShape> classifier_shape(const std::string& folder) {
  for (const auto& name : architectures(folder)) {
    if (!name.ends_with(kClassifierSuffix) || name == kBertClassifier) continue;
    auto shape = open_model(folder).shape;
    shape.tie_word_embeddings = true;  // no head over the vocabulary
    return shape;
  }
  return std::nullopt;
}

std::unique_ptr<SequenceClassifier> load_classifier(const std::string& folder, at::ScalarType dtype,
                                                    at::Device device) {
  if (!fs::exists(fs::path(folder) / "config.json"))
    throw base::InputError(
        fmt::format("classifier '{}': expected a Hugging Face folder with config.json; {}", folder,
                    fs::exists(folder) ? "found none in it" : "it does not exist"));
  const auto found = architectures(folder);
  for (const auto& name : found)
    if (const auto loader = loaders().find(name); loader != loaders().end())
      return loader->second(folder, dtype, device);
  std::vector<std::string> known;
  for (const auto& [name, loader] : loaders()) known.push_back(name);
  throw base::InputError(
      fmt::format("{}/config.json: 'architectures' [{}] has no sequence classifier that is "
                  "supported: expected {}",
                  folder, fmt::join(found, ", "), fmt::join(known, ", ")));
}

}  // namespace r1::models
