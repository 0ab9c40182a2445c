#pragma once
// What changed between the configuration of a checkpoint and that of its continuation, and whether
// it may.
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "config/config.h"

namespace r1::config {

enum class ChangeClass {
  Free,        // layout, lengths, intervals, paths, time limits
  NeedsAllow,  // changes the results: --allow-config-change
  Fatal        // model shape, tokenizer, seed: another run
};

struct Change {
  std::string key;     // "rl.steps"
  std::string before;  // JSON; empty: the key did not exist
  std::string after;   // JSON; empty: the key is gone
  ChangeClass kind;
};

/// How a change of this key counts.
ChangeClass change_class(const std::string& key);

/// The changes from `before` (config_json of the checkpoint) to `after`, by key. A key that the
/// checkpoint's program did not know counts only when it differs from its default.
std::vector<Change> compare_configs(const nlohmann::json& before, const Config& after);

/// One line per change ("rl.steps: 100 -> 200").
std::string describe_changes(const std::vector<Change>& changes);

/// The changes that make another model of it (first weights, shape, tokenizer), in one line; empty:
/// none, or another path alone, because a model's folder may have been moved.
std::string changed_model(const std::vector<Change>& changes);

/// Throws: ConfigError naming each change that is Fatal, or NeedsAllow without `allow_changes`.
void require_compatible(const std::vector<Change>& changes, bool allow_changes);

}  // namespace r1::config
