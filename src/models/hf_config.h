#pragma once
// Conversion between config.json of Hugging Face folders and ModelShape. The reader accepts the
// keys of transformers 5 (`rope_parameters`, `dtype`) and of transformers 4 (`rope_theta`,
// `rope_scaling`, `torch_dtype`).
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "models/options.h"

namespace r1::models {

/// Errors name `file`. Throws: InputError for a missing or wrong key, or an unsupported family.
ModelShape shape_from_config(const nlohmann::json& config, const std::string& file);

/// Makes a config.json that transformers loads. `eos_token_ids` may be empty.
nlohmann::json config_from_shape(const ModelShape& shape,
                                 const std::vector<std::int64_t>& eos_token_ids,
                                 const std::string& dtype_name);

}  // namespace r1::models
