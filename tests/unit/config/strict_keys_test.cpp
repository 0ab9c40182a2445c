// Wrong keys, types and values are all reported together, each with file, line and what was
// expected.
#include "base/files.h"
#include "support/temporary_folder.h"
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

TEST(StrictKeys, AnotherProgramsKeyNamesOursAndItsSection) {
  expect_contains(error_of("[sampling]\nnum_generations = 3\n"),
                  "test.toml:2: sampling.num_generations: unknown key; here it is called "
                  "\"samples_per_prompt\" and belongs to [rl]");
  expect_contains(error_of("[metrics]\nwandb = true\n"), "Weights & Biases");
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

/// Keys of many parts end the stack of what walks over their tables.
TEST(StrictKeys, DeepTablesAreRefusedBeforeTheyAreBuilt) {
  std::string deep = "a";
  for (int i = 0; i < 50'000; ++i) deep += ".a";
  const auto expected = "expected tables nested at most 24 deep";
  EXPECT_EQ(error_of("\n[" + deep + "]\n"), std::string("test.toml:2: ") + expected);
  EXPECT_EQ(error_of("# \"\n\n" + deep + " = 1\n"), std::string("test.toml:3: ") + expected);
  EXPECT_EQ(error_of("x = {" + deep + " = 1}"), std::string("test.toml:1: ") + expected);
  std::string braces;
  for (int i = 0; i < 200; ++i) braces += "{a.b=";
  EXPECT_EQ(error_of("x = " + braces), std::string("test.toml:1: ") + expected);
  EXPECT_EQ(error_of("x = \"\"\"a\n\"\"\"\n[" + deep + "]"),
            std::string("test.toml:3: ") + expected);
}

/// The parser aborts at them.
TEST(StrictKeys, HeadersThatBeginWithNoKeyAreRefused) {
  const auto expected = "expected the name of a table behind '['";
  for (const char* header : {"[!a]", "[[\x01]]", "  [ \xc3\xa9t\xc3\xa9 ]", "[.a]", "[\n]", "[#]"})
    EXPECT_EQ(error_of(std::string("\n") + header + "\n"), std::string("test.toml:2: ") + expected)
        << header;
  EXPECT_NE(error_of(std::string("[\0a]", 4)).find(expected), std::string::npos);
  EXPECT_NE(error_of("\xc2\xa0[!a]").find(expected), std::string::npos) << "behind another blank";
  EXPECT_EQ(error_of("x = '''\n[!a]\n''' # [!a]\n").find(expected), std::string::npos);
  EXPECT_EQ(error_of("x = [\n[!a]\n]\n").find(expected), std::string::npos);
  EXPECT_EQ(error_of("[ run ]\n[\"model\"]\n['data']\n"), "");
}

TEST(StrictKeys, DotsInTextsAndCommentsAreNoTables) {
  const std::string dots(100, '.');
  EXPECT_EQ(error_of("# " + dots + "\n[run]\ntime_limit = \"\" # " + dots + "\n[model]\npath = '" +
                     dots + "'\ntokenizer = \"\"\"" + dots + "\"\n" + dots + "\"\"\"\n"),
            "");
}

/// Eight files that include each other eight times would be 8^8 files.
TEST(StrictKeys, IncludesThatMultiplyAreRefused) {
  const test::TemporaryFolder folder;
  std::string names;
  for (int i = 0; i < 8; ++i) names += fmt::format("{}\"{}.toml\"", i > 0 ? ", " : "", i);
  for (int i = 0; i < 8; ++i)
    base::write_file_atomically(folder.path(fmt::format("{}.toml", i)),
                                "include = [" + names + "]");
  try {
    load_config({"", folder.path("0.toml"), {}});
    FAIL() << "expected ConfigError";
  } catch (const base::ConfigError& error) {
    expect_contains(error.what(), "expected at most 200 included files");
    EXPECT_LT(std::string(error.what()).size(), 10'000u);
  }
}

TEST(StrictKeys, ADeviceIsNoConfiguration) {
  try {
    load_config({"", "/dev/zero", {}});
    FAIL() << "expected ConfigError";
  } catch (const base::ConfigError& error) {
    expect_contains(error.what(), "/dev/zero: expected a file, found a device");
  }
}

TEST(StrictKeys, NumbersThatNoMachineServesAreRefused) {
  for (const std::string text :
       {"run.threads = 1000000", "rl.prompts_per_step = 1000000000000",
        "generate.prompts_per_chunk = 1000000000000", "rl.steps = 9000000000000000000",
        "generate.num_prompts = 1000000000000", "rl.samples_per_prompt = 1000000",
        "data.generate.count = 1000000000", "rewards.threads = 1000000",
        "model.shape.hidden_size = 1000000000", "optimizer.learning_rate = 1e300",
        "engine.max_num_seqs = 1000000000000"}) {
    const auto key = text.substr(0, text.find(' '));
    const auto error = error_of(text + "\n");
    EXPECT_NE(error.find("test.toml:1: " + key + ": expected "), std::string::npos)
        << text << ": " << error;
  }
  EXPECT_EQ(error_of("run.seed = 9000000000000000000\n"), "");
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
