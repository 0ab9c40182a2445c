#pragma once
// PEFT folders: adapter_config.json, which names the base model, and adapter_model.safetensors.
// Reference: PEFT 0.21 (tuners/lora/config.py, utils/save_and_load.py).
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "models/weights.h"

namespace r1::models {

inline constexpr const char* kPeftConfigFile = "adapter_config.json";
inline constexpr const char* kPeftWeightsFile = "adapter_model.safetensors";

/// Whether `path` is a PEFT folder (and no whole model).
bool is_peft_folder(const std::string& path);

/// The adapter_config.json of adapters `lora` beside the model in `base`. `base` empty: the base is
/// in no folder (random weights), and nobody but the run itself can load the adapters.
nlohmann::json peft_config(const LoraOptions& lora, const std::string& base);

/// What an adapter_config.json says.
struct PeftConfig {
  LoraOptions lora;
  std::string base;  // an existing path
};
/// Errors name `file`. A relative base is looked for in the working directory, then in `folder`.
/// Throws: InputError for what is missing or not supported (DoRA, ranks by pattern, trained biases,
/// further trained modules, initial values that change the base).
PeftConfig read_peft_config(const nlohmann::json& config, const std::string& file,
                            const std::string& folder);
/// Of a PEFT folder.
PeftConfig read_peft_config(const std::string& folder);

/// The folder or file that has the tokenizer and other small files of a model in `path`: that of
/// the base for a PEFT folder without a tokenizer. Throws: InputError.
std::string text_folder(const std::string& path);

/// Tensors by PEFT's names.
using AdapterTensors = std::map<std::string, at::Tensor>;

/// The base with the adapters merged into its weights, W + scale * B A, computed for each part that
/// is read. `where`: the adapters' file, for errors. Throws: InputError for factors that fit no
/// tensor of the base.
ModelFiles adapted_model(ModelFiles base, const LoraOptions& lora, AdapterTensors adapters,
                         const std::string& where);

/// Opens base and adapters of a PEFT folder. Throws: InputError.
ModelFiles open_peft_model(const std::string& folder);

}  // namespace r1::models
