// --set a.b=c wins over the file.
#include "unit/config/config_support.h"

namespace r1::config {
namespace {

TEST(Override, TheLastOneWinsOverTheFile) {
  const auto loaded = load_text("[rl]\nsteps = 3\n", "check", {"rl.steps=5", "rl.steps=7"});
  EXPECT_EQ(loaded.config.rl.steps, 7);
}

TEST(Override, ABareWordIsAText) {
  const auto config =
      load_text("", "check", {"advantage.kind=grpo", "run.time_limit=10:00:00"}).config;
  EXPECT_EQ(config.advantage.kind, "grpo");
  EXPECT_EQ(config.run.time_limit_seconds(), 36000.0);
}

TEST(Override, ValuesAreToml) {
  const auto config = load_text("", "check",
                                {"sampling.stop=[\"a\", \"b\"]", "run.seed=9",
                                 "sampling.temperature=0.5", "sampling.greedy=true"})
                          .config;
  EXPECT_EQ(config.sampling.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(config.run.seed, 9);
  EXPECT_EQ(config.sampling.temperature, 0.5);
  EXPECT_TRUE(config.sampling.greedy);
}

TEST(Override, AnUnknownKeyNamesTheArgument) {
  EXPECT_EQ(error_of("", "check", {"rl.stepz=5"}),
            "--set rl.stepz=5: rl.stepz: unknown key; did you mean \"steps\"?");
}

TEST(Override, WithoutEqualsItIsAnError) {
  EXPECT_EQ(error_of("", "check", {"rl.steps"}), "--set rl.steps: expected section.key=value");
  EXPECT_NE(error_of("", "check", {"rl..steps=1"}), "");
  EXPECT_NE(error_of("", "check", {"=1"}), "");
}

TEST(Override, CannotAddASecondKey) {
  EXPECT_EQ(load_text("", "check", {"model.path=1\nb = 2"}).config.model.path, "1\nb = 2");
}

TEST(Override, AListItemIsNamedByNumberOrName) {
  const std::string text =
      "[[evaluate.suites]]\nname = \"a\"\npath = \"x\"\n[[evaluate.suites]]\nname = \"b\"\npath = "
      "\"y\"\n";
  const auto config =
      load_text(text, "check",
                {"evaluate.suites.b.num_questions=5", "evaluate.suites[0].num_questions=6"})
          .config;
  EXPECT_EQ(config.evaluate.suites[0].num_questions, 6);
  EXPECT_EQ(config.evaluate.suites[1].num_questions, 5);
  expect_contains(error_of(text, "check", {"evaluate.suites.c.num_questions=5"}),
                  "there is no such table or list item");
}

}  // namespace
}  // namespace r1::config
