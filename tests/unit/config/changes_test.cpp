// [[rl.changes]]: what a step's settings are, given the changes before it.
#include "unit/config/config_support.h"

namespace r1::config {
namespace {

RlOptions with_changes() {
  RlOptions rl;
  rl.changes = {{0, 0, {"a"}, {}}, {5, 64, {}, {}}, {9, 0, {"a", "b"}, {}}, {12, 128, {"b"}, {}}};
  return rl;
}

TEST(Changes, TheLastLengthOfThoseReachedCounts) {
  const auto rl = with_changes();
  for (const auto& [step, expected] : std::map<std::int64_t, std::int64_t>{
           {0, 32}, {4, 32}, {5, 64}, {9, 64}, {11, 64}, {12, 128}, {1000, 128}})
    EXPECT_EQ(rl.settings_at(step, 32).max_new_tokens, expected) << "step " << step;
}

TEST(Changes, TheLastPartsOfThoseReachedCount) {
  using Parts = std::vector<std::string>;
  const auto rl = with_changes();
  for (const auto& [step, expected] : std::map<std::int64_t, Parts>{
           {0, {"a"}}, {5, {"a"}}, {8, {"a"}}, {9, {"a", "b"}}, {11, {"a", "b"}}, {12, {"b"}}})
    EXPECT_EQ(rl.settings_at(step, 32).parts, expected) << "step " << step;
}

TEST(Changes, WithoutAnyNothingChanges) {
  const auto settings = RlOptions().settings_at(7, 32);
  EXPECT_EQ(settings.max_new_tokens, 32);
  EXPECT_TRUE(settings.parts.empty());
}

TEST(Changes, PartsThatCountAreThoseOfTheReward) {
  const std::string text =
      std::string(kTinyModel) + "[[rl.changes]]\nfrom_step = 0\nparts = [\"safety\"]\n";
  expect_contains(error_of(text, "rl"), "rl.changes[0].parts: no part named 'safety'");
}

TEST(Changes, OtherDataNeedsGroupsThatAreNotReplaced) {
  const std::string text = std::string(kTinyModel) +
                           "[rl]\nresample_zero_advantage = true\n"
                           "[[rl.changes]]\nfrom_step = 0\nfiles = [\"other.jsonl\"]\n";
  expect_contains(error_of(text, "rl"), "rl.changes[0].files: groups are replaced from one set");
}

TEST(Changes, TheTemperatureOfLossesIsThatOfSamplingUnlessGiven) {
  RlOptions rl;
  EXPECT_EQ(rl.loss_temperature(0.7), 0.7);
  rl.logprob_temperature = 1.0;
  EXPECT_EQ(rl.loss_temperature(0.7), 1.0);
}

TEST(Changes, OlderSamplesAreComparedAtTheTemperatureThatDrewThem) {
  const std::string text = std::string(kTinyModel) +
                           "[sampling]\ntemperature = 0.7\n"
                           "[rl]\nstaleness = 1\nlogprob_temperature = 1.0\n";
  expect_contains(error_of(text, "rl"), "rl.logprob_temperature: with rl.staleness > 0");
}

}  // namespace
}  // namespace r1::config
