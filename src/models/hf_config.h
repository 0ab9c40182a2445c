#pragma once
// config.json of Hugging Face folders <-> ModelShape. Reads both spellings: transformers 5
// (`rope_parameters`, `dtype`) and 4 (`rope_theta`, `rope_scaling`, `torch_dtype`).
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "models/options.h"

namespace r1::models {

/// `file` is named in errors. Throws: InputError for a missing or wrong key, or a family this
/// program does not run.
ModelShape shape_from_config(const nlohmann::json& config, const std::string& file);

/// A config.json that transformers loads. `eos_token_ids` may be empty.
nlohmann::json config_from_shape(const ModelShape& shape,
                                 const std::vector<std::int64_t>& eos_token_ids,
                                 const std::string& dtype_name);

}  // namespace r1::models
