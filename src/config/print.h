#pragma once
// A configuration as TOML with every default and its help, and as JSON.
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "config/load.h"

namespace r1::config {

/// resolved.toml: every key with its value and its help as a comment; reads back to the same. A
/// pipeline's stages hold what differs from the common sections.
std::string resolved_toml(const LoadedConfig& loaded);
std::string resolved_toml(const Config& config);

/// Every key, nested as in TOML; what checkpoints hold.
nlohmann::json config_json(const Config& config);

}  // namespace r1::config
