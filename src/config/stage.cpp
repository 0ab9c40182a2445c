#include "config/stage.h"

#include <fmt/ranges.h>

#include "base/errors.h"

namespace r1::config {
namespace {

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kStages.size(); ++i)
    if (kStages[i].stage != static_cast<Stage>(i)) return false;
  return true;
}
static_assert(is_in_order(), "traits() takes a stage's place in the table from its number");

}  // namespace

std::optional<Stage> find_stage(std::string_view name) {
  for (const auto& stage : kStages)
    if (name == stage.name) return stage.stage;
  return std::nullopt;
}

Stage stage_named(std::string_view name, const std::string& where) {
  if (const auto stage = find_stage(name)) return *stage;
  throw base::ConfigError(fmt::format("{}: expected one of {}, found \"{}\"", where,
                                      fmt::join(stage_names(), ", "), name));
}

std::vector<std::string> stage_names() {
  std::vector<std::string> names;
  for (const auto& stage : kStages) names.emplace_back(stage.name);
  return names;
}

}  // namespace r1::config
