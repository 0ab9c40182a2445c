// The table of stages.
#include "config/stage.h"

#include <gtest/gtest.h>

#include "base/errors.h"
#include "config/config.h"
#include "config/option_tree.h"

namespace r1::config {
namespace {

TEST(StageTable, EachStageHasItsNameAndItsSection) {
  const auto sections = option_tree(Config{}).children;
  for (const auto& stage : kStages) {
    EXPECT_EQ(find_stage(stage.name), stage.stage);
    EXPECT_EQ(&traits(stage.stage), &stage);
    EXPECT_TRUE(std::any_of(sections.begin(), sections.end(), [&](const OptionNode& section) {
      return section.key == stage.name;
    })) << stage.name;
  }
  EXPECT_FALSE(find_stage("pipeline"));
}

TEST(StageTable, AnUnknownNameIsAnErrorThatListsTheStages) {
  try {
    stage_named("rll", "--stage");
    FAIL();
  } catch (const base::ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "--stage: expected one of prepare, rl, sft, generate, distill, evaluate, found "
                 "\"rll\"");
  }
}

}  // namespace
}  // namespace r1::config
