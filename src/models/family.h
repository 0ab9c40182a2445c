#pragma once
// What the program knows of a model family.
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "models/model.h"

namespace r1::models {

class ConfigKeys;

struct Family {
  std::string name;          // `model_type` of config.json, ModelShape::architecture
  std::string architecture;  // of config.json's `architectures`: "LlamaForCausalLM"
  /// A model with unfilled weights.
  std::function<std::unique_ptr<Model>(const ModelShape&, at::ScalarType, at::Device)> make;
  /// Reads the keys that not every family has (hf_config.cpp reads the others). Throws: InputError.
  std::function<void(const ConfigKeys&, ModelShape&)> read_config;
  /// Adds those keys to a config.json.
  std::function<void(const ModelShape&, nlohmann::json&)> write_config;
};

template <class FamilyModel>
std::unique_ptr<Model> make_family_model(const ModelShape& shape, at::ScalarType dtype,
                                         at::Device device) {
  return std::make_unique<FamilyModel>(shape, dtype, device);
}

}  // namespace r1::models
