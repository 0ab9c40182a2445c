#include "config/compare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "config/print.h"

namespace r1::config {
namespace {

using Values = std::map<std::string, std::string>;

void flatten_json(const nlohmann::json& node, const std::string& key, Values& out) {
  if (node.is_object()) {
    for (const auto& [name, child] : node.items())
      flatten_json(child, key.empty() ? name : key + "." + name, out);
  } else if (node.is_array() && !node.empty() && node.front().is_object()) {
    for (std::size_t i = 0; i < node.size(); ++i)
      flatten_json(node[i], fmt::format("{}[{}]", key, i), out);
  } else {
    out[key] = node.dump();
  }
}

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}
bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// Sections that only say where and how fast the same thing is computed, or another stage's work.
constexpr std::array<std::string_view, 8> kFreeSections = {
    "roles.",      "communication.", "engine.",   "plan.",
    "checkpoint.", "metrics.",       "evaluate.", "pipeline."};
// Ends of keys that are lengths, intervals, paths, limits.
constexpr std::array<std::string_view, 16> kFreeEnds = {
    ".path",           ".output",      ".report",     ".replay",        ".steps",       ".epochs",
    ".max_new_tokens", ".max_length",  ".eval_every", ".log_every",     ".num_prompts", ".max_kept",
    ".time_limit",     ".stop_margin", ".files",      ".held_out_files"};
constexpr std::array<std::string_view, 21> kFreeKeys = {"run.device",
                                                        "rewards.workers",
                                                        "rewards.threads",
                                                        "run.max_steps",
                                                        "run.max_bad_steps",
                                                        "run.max_lost_share",
                                                        "run.max_lost_steps",
                                                        "run.max_idle_steps",
                                                        "run.profile",
                                                        "run.threads",
                                                        "trainer.micro_batch_tokens",
                                                        "trainer.score_batch_tokens",
                                                        "trainer.logprob_chunk_tokens",
                                                        "trainer.bucket_mb",
                                                        "trainer.activation_checkpointing",
                                                        "trainer.sequence_parallel",
                                                        "trainer.zero_stage",
                                                        "trainer.offload",
                                                        "trainer.share_prefix",
                                                        "rl.chunks",
                                                        "rl.record_rollouts"};

}  // namespace

ChangeClass change_class(const std::string& key) {
  const bool shape = starts_with(key, "model.shape.") || starts_with(key, "model.lora.");
  // With it the prompts of a step depend on what was sampled before; checkpoints without it do not
  // know which come next.
  const bool order = key == "rl.resample_zero_advantage" || key == "rl.partial_rollouts";
  if (key == "run.seed" || key == "model.tokenizer" || shape || order) return ChangeClass::Fatal;
  if (std::find(kFreeKeys.begin(), kFreeKeys.end(), key) != kFreeKeys.end())
    return ChangeClass::Free;
  const auto is_section = [&key](std::string_view section) { return starts_with(key, section); };
  const auto is_end = [&key](std::string_view end) { return ends_with(key, end); };
  if (std::any_of(kFreeSections.begin(), kFreeSections.end(), is_section) ||
      std::any_of(kFreeEnds.begin(), kFreeEnds.end(), is_end))
    return ChangeClass::Free;
  return ChangeClass::NeedsAllow;
}

std::vector<Change> compare_configs(const nlohmann::json& before, const Config& after) {
  Values old_values, new_values, defaults;
  flatten_json(before, "", old_values);
  flatten_json(config_json(after), "", new_values);
  flatten_json(config_json(Config{}), "", defaults);
  std::vector<Change> changes;
  for (const auto& [key, value] : new_values) {
    const auto old_value = old_values.find(key);
    if (old_value != old_values.end()) {
      if (old_value->second != value)
        changes.push_back({key, old_value->second, value, change_class(key)});
    } else if (const auto known = defaults.find(key);
               known == defaults.end() || known->second != value) {
      changes.push_back({key, "", value, change_class(key)});
    }
  }
  for (const auto& [key, value] : old_values)
    if (new_values.count(key) == 0) changes.push_back({key, value, "", change_class(key)});
  return changes;
}

std::string describe_changes(const std::vector<Change>& changes) {
  std::string text;
  for (const Change& change : changes)
    text += fmt::format("{}{}: {} -> {}", text.empty() ? "" : "\n", change.key,
                        change.before.empty() ? "(none)" : change.before,
                        change.after.empty() ? "(none)" : change.after);
  return text;
}

std::string changed_model(const std::vector<Change>& changes) {
  std::vector<std::string> found;
  bool another = false;  // a folder with the same model may have moved
  for (const Change& change : changes) {
    const bool shape = starts_with(change.key, "model.shape.");
    if (!shape && change.key != "model.path" && change.key != "model.init" &&
        change.key != "model.tokenizer")
      continue;
    another |= change.key != "model.path";
    found.push_back(describe_changes({change}));
  }
  if (!another) return {};
  constexpr std::size_t kMostNamed = 3;
  const std::size_t more = found.size() - std::min(found.size(), kMostNamed);
  found.resize(found.size() - more);
  return fmt::format("{}{}", fmt::join(found, ", "),
                     more > 0 ? fmt::format(", {} more", more) : "");
}

void require_compatible(const std::vector<Change>& changes, bool allow_changes) {
  std::string text;
  for (const Change& change : changes) {
    if (change.kind == ChangeClass::Free) continue;
    if (change.kind == ChangeClass::NeedsAllow && allow_changes) continue;
    text += fmt::format("{}{}: {}", text.empty() ? "" : "\n", describe_changes({change}),
                        change.kind == ChangeClass::Fatal
                            ? "cannot change within a run; start another run folder"
                            : "changes the results; --allow-config-change accepts it");
  }
  if (!text.empty()) throw base::ConfigError("the configuration is not the checkpoint's:\n" + text);
}

}  // namespace r1::config
