#pragma once
// The description of a model family: the family's names, its constructor, and its keys in
// config.json and in GGUF files.
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "models/model.h"

namespace r1::models {

class ConfigKeys;
class GgufKeys;

/// The GGUF files of a family. Reference: llama.cpp, gguf-py/gguf/constants.py.
struct GgufFamily {
  std::string architecture;  // general.architecture
  /// Names of a layer's tensors after "blk.N." in GGUF files -> names after "model.layers.N." in
  /// Hugging Face files. Names that all families share are not listed here. "{}" in the second
  /// name: the GGUF tensor stacks this tensor of all experts.
  std::map<std::string, std::string> names;
  /// llama.cpp permuted the rows of q and k, because llama.cpp's rotary positions pair neighbouring
  /// dimensions.
  bool pairs_neighbours = false;
  /// Reads the keys that only this family has. Throws: InputError.
  std::function<void(const GgufKeys&, ModelShape&)> read_shape;
};

struct Family {
  std::string name;          // `model_type` in config.json, ModelShape::architecture
  std::string architecture;  // entry of `architectures` in config.json: "LlamaForCausalLM"
  /// Makes a model without loaded weights: this rank's part of the model.
  std::function<std::unique_ptr<Model>(const ModelShape&, at::ScalarType, at::Device,
                                       const parallel::ModelAxes&)>
      make;
  /// Reads the keys that only this family has; hf_config.cpp reads the shared keys. Throws:
  /// InputError.
  std::function<void(const ConfigKeys&, ModelShape&)> read_config;
  /// Adds this family's own keys to a config.json.
  std::function<void(const ModelShape&, nlohmann::json&)> write_config;
  GgufFamily gguf;
};

template <class FamilyModel>
std::unique_ptr<Model> make_family_model(const ModelShape& shape, at::ScalarType dtype,
                                         at::Device device, const parallel::ModelAxes& axes) {
  return std::make_unique<FamilyModel>(shape, dtype, device, axes);
}

}  // namespace r1::models
