#pragma once
// From files and --set to a checked configuration, or one error with every problem in it.
#include <string>
#include <vector>

#include "config/config.h"

namespace r1::config {

/// What was asked for.
struct LoadRequest {
  std::string command;                 // "rl", "sft", ..., "pipeline", "plan": decides pass 3
  std::string path;                    // TOML file; empty: defaults and overrides alone
  std::vector<std::string> overrides;  // --set a.b=c, later ones win
};

/// A configuration, and for a pipeline that of each stage (parallel to config.pipeline.stages).
/// A stage's sections are, later over earlier: the file's own sections, those of the stage's
/// `config` file, the tables inside the stage, --set. Another command than pipeline and plan takes
/// the file's own sections; its stages are left out.
struct LoadedConfig {
  Config config;
  std::vector<Config> stages;
};

/// Throws: ConfigError, a line "file:line: key: message" for each problem of all three passes.
LoadedConfig load_config(const LoadRequest& request);

/// The same from a text, which messages call `name`.
LoadedConfig load_config_text(const std::string& text, const std::string& name,
                              const LoadRequest& request);

/// Replaces "{run}" in every text of the configuration by the pipeline's run folder.
void expand_run_folder(Config& config, const std::string& run_folder);

}  // namespace r1::config
