// Wrong keys, types and values are all reported together, each with file, line and what was
// expected.
#include "unit/config/config_support.h"

namespace r1::config {
namespace {

TEST(StrictKeys, AnEmptyFileIsTheDefaults) {
  EXPECT_EQ(error_of(""), "");
}

TEST(StrictKeys, AnUnknownKeyNamesTheNearestKnownOne) {
  EXPECT_EQ(error_of("[rl]\nsteps = 3\nprompts_per_stpe = 4\n"),
            "test.toml:3: rl.prompts_per_stpe: unknown key; did you mean \"prompts_per_step\"?");
}

TEST(StrictKeys, AKeyInTheWrongSectionNamesItsSection) {
  expect_contains(error_of("[run]\nmicro_batch_tokens = 3\n"),
                  "test.toml:2: run.micro_batch_tokens: unknown key here; it belongs to [trainer]");
}

TEST(StrictKeys, AnUnknownSectionIsAnError) {
  EXPECT_EQ(error_of("\n[smapling]\n"),
            "test.toml:2: smapling: unknown key; did you mean \"sampling\"?");
}

TEST(StrictKeys, ATypeErrorSaysExpectedAndFound) {
  expect_contains(error_of("[rl]\nsteps = \"many\"\n"),
                  "test.toml:2: rl.steps: expected an integer, found text \"many\"");
  expect_contains(error_of("[rl]\nsteps = 1.5\n"), "expected an integer, found number 1.5");
  expect_contains(error_of("rl = 4\n"), "test.toml:1: rl: expected a table, found integer 4");
  expect_contains(error_of("[sampling]\nstop = [1]\n"),
                  "expected a list of texts, found integer 1");
  expect_contains(error_of("[sampling]\ntop_p = nan\n"), "expected a finite number");
}

TEST(StrictKeys, AnIntegerIsANumber) {
  EXPECT_EQ(load_text("[sampling]\ntemperature = 2\n").config.sampling.temperature, 2.0);
}

TEST(StrictKeys, AChoiceListsWhatIsAllowed) {
  EXPECT_EQ(error_of("[rl]\noverlong = \"maks\"\n"),
            "test.toml:2: rl.overlong: expected one of \"mask\", \"penalty\", \"keep\", found text "
            "\"maks\"; "
            "did you mean \"mask\"?");
}

TEST(StrictKeys, AllProblemsOfAllPassesComeTogether) {
  const std::string error =
      error_of("[rl]\nstep = 1\nsteps = \"x\"\nmini_batch = 7\n[sampling]\ntop_p = 1.5\n", "rl");
  expect_contains(error, "test.toml:2: rl.step: unknown key; did you mean \"steps\"?");
  expect_contains(error, "test.toml:3: rl.steps: expected an integer");
  expect_contains(error, "test.toml:4: rl.mini_batch: expected a divisor of the step's 64 samples");
  expect_contains(error, "test.toml:6: sampling.top_p: expected in (0, 1]");
  expect_contains(error, "test.toml: model.path: expected a model");
}

TEST(StrictKeys, ASyntaxErrorNamesItsLine) {
  expect_contains(error_of("[rl]\nsteps = \n"), "test.toml:2: ");
}

TEST(StrictKeys, HostileTextsAreErrorsNotCrashes) {
  EXPECT_NE(error_of(std::string(2 << 20, ' ')), "");
  EXPECT_NE(error_of("a = " + std::string(100000, '[')), "");
  EXPECT_NE(error_of(std::string("a = \"\0\xff\"", 8)), "");
  EXPECT_NE(error_of("[rl]\n" + std::string(50000, 'k') + " = 1\n"), "");
}

TEST(StrictKeys, AMissingFileIsNamed) {
  try {
    load_config({"rl", "no/such/file.toml", {}});
    FAIL() << "expected ConfigError";
  } catch (const base::ConfigError& error) {
    expect_contains(error.what(), "no/such/file.toml");
  }
}

}  // namespace
}  // namespace r1::config
