// A continued run may change layout, lengths, intervals, paths and limits; not what makes it
// another run.
#include <nlohmann/json.hpp>

#include "config/compare.h"
#include "config/print.h"
#include "unit/config/config_support.h"

namespace r1::config {
namespace {

TEST(Compare, NothingChanged) {
  EXPECT_TRUE(compare_configs(config_json(Config{}), Config{}).empty());
}

TEST(Compare, ChangesAreClassed) {
  Config after;
  after.rl.steps = 7;
  after.roles.policy.ranks = 3;
  after.model.path = "elsewhere";
  after.sampling.temperature = 0.25;
  after.run.seed = 12;
  after.model.shape.hidden_size = 8;
  after.model.tokenizer = "bytes";
  after.rl.resample_zero_advantage = true;
  std::map<std::string, ChangeClass> classes;
  for (const Change& change : compare_configs(config_json(Config{}), after))
    classes[change.key] = change.kind;
  const std::map<std::string, ChangeClass> expected = {
      {"rl.steps", ChangeClass::Free},         {"roles.policy.ranks", ChangeClass::Free},
      {"model.path", ChangeClass::Free},       {"sampling.temperature", ChangeClass::NeedsAllow},
      {"run.seed", ChangeClass::Fatal},        {"model.shape.hidden_size", ChangeClass::Fatal},
      {"model.tokenizer", ChangeClass::Fatal}, {"rl.resample_zero_advantage", ChangeClass::Fatal}};
  EXPECT_EQ(classes, expected);
}

TEST(Compare, OnlyTheFlagAllowsWhatChangesResults) {
  Config after;
  after.sampling.temperature = 0.25;
  const auto changes = compare_configs(config_json(Config{}), after);
  EXPECT_NO_THROW(require_compatible(changes, true));
  try {
    require_compatible(changes, false);
    FAIL() << "expected ConfigError";
  } catch (const base::ConfigError& error) {
    expect_contains(error.what(), "sampling.temperature: 1.0 -> 0.25");
    expect_contains(error.what(), "--allow-config-change");
  }
}

TEST(Compare, AnotherModelIsSaidInOneLine) {
  Config after;
  after.model.path = "models/other";
  EXPECT_EQ(changed_model(compare_configs(config_json(Config{}), after)), "") << "a moved folder";
  after.model.shape.hidden_size += 64;
  const auto text = changed_model(compare_configs(config_json(Config{}), after));
  expect_contains(text, "model.shape.hidden_size: ");
  expect_contains(text, "models/other");
  EXPECT_EQ(text.find('\n'), text.npos);
  Config seed;
  seed.run.seed = 5;
  EXPECT_EQ(changed_model(compare_configs(config_json(Config{}), seed)), "");
}

TEST(Compare, NoFlagAllowsAnotherSeed) {
  Config after;
  after.run.seed = 5;
  EXPECT_THROW(require_compatible(compare_configs(config_json(Config{}), after), true),
               base::ConfigError);
}

TEST(Compare, AKeyOfANewerProgramCountsOnlyWhenItIsNotItsDefault) {
  nlohmann::json before = config_json(Config{});
  before["sampling"].erase("top_p");
  EXPECT_TRUE(compare_configs(before, Config{}).empty());
  Config after;
  after.sampling.top_p = 0.5;
  EXPECT_EQ(compare_configs(before, after).size(), 1u);
}

}  // namespace
}  // namespace r1::config
