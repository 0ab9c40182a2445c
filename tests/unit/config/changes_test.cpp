// [[rl.changes]]: what a step's settings are, given the changes before it.
#include "unit/config/config_support.h"

namespace r1::config {
namespace {

RlOptions with_changes() {
  RlOptions rl;
  rl.changes = {{0, 0, "off"}, {5, 64, "keep"}, {9, 0, "on"}, {12, 128, "off"}};
  return rl;
}

TEST(Changes, TheLastLengthOfThoseReachedCounts) {
  const auto rl = with_changes();
  for (const auto& [step, expected] : std::map<std::int64_t, std::int64_t>{
           {0, 32}, {4, 32}, {5, 64}, {9, 64}, {11, 64}, {12, 128}, {1000, 128}})
    EXPECT_EQ(rl.settings_at(step, 32).max_new_tokens, expected) << "step " << step;
}

TEST(Changes, PreferenceRewardsAreSwitchedAndKept) {
  const auto rl = with_changes();
  for (const auto& [step, expected] : std::map<std::int64_t, bool>{
           {0, false}, {5, false}, {8, false}, {9, true}, {11, true}, {12, false}})
    EXPECT_EQ(rl.settings_at(step, 32).preference_rewards, expected) << "step " << step;
}

TEST(Changes, WithoutAnyNothingChanges) {
  const auto settings = RlOptions().settings_at(7, 32);
  EXPECT_EQ(settings.max_new_tokens, 32);
  EXPECT_TRUE(settings.preference_rewards);
}

TEST(Changes, ASwitchNeedsAPartThatAModelScores) {
  const std::string text =
      std::string(kTinyModel) + "[[rl.changes]]\nfrom_step = 0\npreference_rewards = \"off\"\n";
  expect_contains(error_of(text, "rl"), "rl.changes[0].preference_rewards: no model scores a part");
}

}  // namespace
}  // namespace r1::config
