#include "models/classifier.h"

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "base/files.h"
#include "models/bert_classifier/bert_classifier.h"

namespace r1::models {
namespace {

using Maker = std::unique_ptr<SequenceClassifier> (*)(const std::string& folder,
                                                      const nlohmann::json& config,
                                                      at::ScalarType dtype, at::Device device);

/// By config.json's `architectures`.
const std::map<std::string, Maker>& makers() {
  static const std::map<std::string, Maker> table{
      {"BertForSequenceClassification", make_bert_classifier},
  };
  return table;
}

std::string known_architectures() {
  std::string names;
  for (const auto& [name, make] : makers()) names += (names.empty() ? "" : ", ") + name;
  return names;
}

}  // namespace

std::unique_ptr<SequenceClassifier> load_classifier(const std::string& folder, at::ScalarType dtype,
                                                    at::Device device) {
  const auto file = folder + "/config.json";
  if (!std::filesystem::exists(file))
    throw base::InputError(
        fmt::format("classifier '{}': expected a Hugging Face folder with config.json; {}", folder,
                    std::filesystem::exists(folder) ? "found none in it" : "it does not exist"));
  const auto config = nlohmann::json::parse(base::read_file(file), nullptr, false);
  if (!config.is_object()) throw base::InputError(file + ": not a JSON object");
  const auto list = config.value("architectures", nlohmann::json::array());
  const auto name = list.is_array() && list.size() == 1 && list[0].is_string()
                        ? list[0].get<std::string>()
                        : list.dump();
  const auto found = makers().find(name);
  if (found == makers().end())
    throw base::InputError(
        fmt::format("{}: key 'architectures': expected a sequence classifier ({}), found {}", file,
                    known_architectures(), name));
  return found->second(folder, config, dtype, device);
}

}  // namespace r1::models
