#pragma once
// What the program knows of a model family.
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "models/model.h"

namespace r1::models {

class ConfigKeys;
class GgufKeys;

/// What GGUF files of a family hold. Reference: llama.cpp, gguf-py/gguf/constants.py.
struct GgufFamily {
  std::string architecture;  // general.architecture
  /// Names of a layer's tensors behind "blk.N." and behind "model.layers.N.", beside those of all
  /// families. "{}" in the second: the file has this tensor of all experts in one.
  std::map<std::string, std::string> names;
  /// llama.cpp permuted the rows of q and k for rotary positions that pair neighbours.
  bool pairs_neighbours = false;
  /// Reads the keys that not every family has. Throws: InputError.
  std::function<void(const GgufKeys&, ModelShape&)> read_shape;
};

struct Family {
  std::string name;          // `model_type` of config.json, ModelShape::architecture
  std::string architecture;  // of config.json's `architectures`: "LlamaForCausalLM"
  /// A model with unfilled weights: this rank's part of it.
  std::function<std::unique_ptr<Model>(const ModelShape&, at::ScalarType, at::Device,
                                       const parallel::ModelAxes&)>
      make;
  /// Reads the keys that not every family has (hf_config.cpp reads the others). Throws: InputError.
  std::function<void(const ConfigKeys&, ModelShape&)> read_config;
  /// Adds those keys to a config.json.
  std::function<void(const ModelShape&, nlohmann::json&)> write_config;
  GgufFamily gguf;
};

template <class FamilyModel>
std::unique_ptr<Model> make_family_model(const ModelShape& shape, at::ScalarType dtype,
                                         at::Device device, const parallel::ModelAxes& axes) {
  return std::make_unique<FamilyModel>(shape, dtype, device, axes);
}

}  // namespace r1::models
