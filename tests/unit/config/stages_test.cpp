// A pipeline's stages: common sections, then the stage's file, then its own tables, then --set.
#include <filesystem>

#include "base/files.h"
#include "unit/config/config_support.h"

namespace r1::config {
namespace {

const std::string kPipeline = std::string(kTinyModel) + R"(
[rl]
steps = 10
prompts_per_step = 8
samples_per_prompt = 4
[[pipeline.stages]]
name = "one"
command = "rl"
[[pipeline.stages]]
name = "two"
command = "rl"
from = "one"
[pipeline.stages.rl]
steps = 20
[pipeline.stages.sampling]
temperature = 0.5
)";

class FolderTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder_ / "sub");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& text) {
    base::write_file_atomically((folder_ / name).string(), text);
    return (folder_ / name).string();
  }
  std::filesystem::path folder_;
};
using Stages = FolderTest;
using Include = FolderTest;

TEST_F(Stages, TablesInAStageOverrideTheCommonOnes) {
  const auto loaded = load_text(kPipeline, "pipeline");
  ASSERT_EQ(loaded.stages.size(), 2u);
  EXPECT_EQ(loaded.stages[0].rl.steps, 10);
  EXPECT_EQ(loaded.stages[1].rl.steps, 20);
  EXPECT_EQ(loaded.stages[1].rl.prompts_per_step, 8);
  EXPECT_EQ(loaded.stages[1].sampling.temperature, 0.5);
}

TEST_F(Stages, SetWinsEverywhereOrInOneStage) {
  const auto all = load_text(kPipeline, "pipeline", {"rl.steps=30"});
  EXPECT_EQ(all.stages[0].rl.steps, 30);
  EXPECT_EQ(all.stages[1].rl.steps, 30);
  const auto one = load_text(kPipeline, "pipeline", {"pipeline.stages.two.rl.steps=40"});
  EXPECT_EQ(one.stages[0].rl.steps, 10);
  EXPECT_EQ(one.stages[1].rl.steps, 40);
}

TEST_F(Stages, AStageFileLiesBetweenCommonAndOwnTables) {
  write("sub/stage.toml", "[rl]\nsteps = 15\nmini_batch = 16\nupdate_epochs = 2\n");
  const std::string path = write("pipeline.toml", kPipeline + R"(
[[pipeline.stages]]
name = "three"
command = "rl"
from = "two"
config = "sub/stage.toml"
[pipeline.stages.rl]
update_epochs = 3
)");
  const auto loaded = load_config({"pipeline", path, {}});
  EXPECT_EQ(loaded.stages[2].rl.steps, 15);
  EXPECT_EQ(loaded.stages[2].rl.mini_batch, 16);
  EXPECT_EQ(loaded.stages[2].rl.update_epochs, 3);
}

TEST_F(Stages, AProblemInAStageFileNamesThatFile) {
  const std::string stage = write("sub/stage.toml", "[rl]\n\nstep = 15\n");
  const std::string path =
      write("pipeline.toml", std::string(kTinyModel) +
                                 "[[pipeline.stages]]\nname = \"a\"\ncommand = "
                                 "\"rl\"\nconfig = \"sub/stage.toml\"\n");
  try {
    load_config({"pipeline", path, {}});
    FAIL() << "expected ConfigError";
  } catch (const base::ConfigError& error) {
    expect_contains(error.what(), stage + ":3: rl.step: unknown key");
  }
}

TEST_F(Stages, EachStagesCombinationsAreChecked) {
  const std::string error = error_of(kPipeline + "mini = 1\n[pipeline.stages.engine]\nblocks = 1\n",
                                     "pipeline", {"pipeline.stages.one.rl.mini_batch=5"});
  expect_contains(error, "sampling.mini: unknown key");
  expect_contains(error, "engine.blocks: unknown key");
  expect_contains(error, "rl.mini_batch: expected a divisor of the step's 32 samples");
}

TEST_F(Stages, NamesAndOriginsAreChecked) {
  const std::string error =
      error_of(std::string(kTinyModel) +
                   "[[pipeline.stages]]\nname = \"a\"\ncommand = \"rl\"\nfrom = \"b\"\n"
                   "[[pipeline.stages]]\nname = \"a\"\ncommand = \"teach\"\nrl_typo = 1\n",
               "pipeline");
  expect_contains(error, "expected the name of an earlier stage, found \"b\"");
  expect_contains(error, "the name \"a\" is used twice");
  expect_contains(error, "pipeline.stages[1].command: expected one of");
  expect_contains(error, "pipeline.stages[1].rl_typo: unknown key");
}

TEST_F(Stages, AnOverrideReachesAListItemOfTheStagesFile) {
  write("rl.toml", std::string(kTinyModel) +
                       "[[rl.changes]]\nfrom_step = 5\nmax_new_tokens = 9\n"
                       "[[rl.changes]]\nfrom_step = 7\nmax_new_tokens = 10\n");
  const std::string path = write(
      "all.toml", "[[pipeline.stages]]\nname = \"one\"\ncommand = \"rl\"\nconfig = \"rl.toml\"\n");
  const auto loaded =
      load_config({"pipeline", path, {"pipeline.stages.one.rl.changes.1.from_step=8"}});
  ASSERT_EQ(loaded.stages.at(0).rl.changes.size(), 2u);
  EXPECT_EQ(loaded.stages[0].rl.changes[1].from_step, 8);
  EXPECT_EQ(loaded.stages[0].rl.changes[1].max_new_tokens, 10);
}

TEST_F(Stages, AnOverrideNamesAStageThatIsThere) {
  expect_contains(error_of(kPipeline, "pipeline", {"pipeline.stages.three.rl.steps=4"}),
                  "pipeline.stages.three: there is no such stage");
}

TEST_F(Stages, AnotherCommandTakesTheFilesOwnSections) {
  const LoadedConfig loaded = load_text(kPipeline, "rl");
  EXPECT_EQ(loaded.config.rl.steps, 10);
  EXPECT_TRUE(loaded.stages.empty());
  EXPECT_TRUE(loaded.config.pipeline.stages.empty());
}

TEST_F(Stages, APipelineHasStages) {
  expect_contains(error_of("", "pipeline"), "expected at least one [[pipeline.stages]]");
}

TEST_F(Include, LiesBeneathTheTableThatNamesIt) {
  write("sub/shape.toml", "[shape]\nhidden_size = 32\nvocab_size = 10\n");
  write("sub/base.toml", "[rl]\nsteps = 4\n[teacher]\ninclude = \"shape.toml\"\n");
  const std::string path =
      write("a.toml",
            "include = [\"sub/base.toml\"]\n[rl]\nchunks = 2\n[model]\ninclude "
            "= \"sub/shape.toml\"\n[model.shape]\nvocab_size = 11\n");
  const std::vector<std::string> sets{"model.shape.num_hidden_layers=1",
                                      "teacher.shape.num_hidden_layers=1"};
  std::string error;
  try {
    load_config({"check", path, sets});
  } catch (const base::ConfigError& e) {
    error = e.what();
  }
  // The included shapes lack heads: both are reported at their own files.
  expect_contains(error, path + ":6: model.shape.num_attention_heads");
  expect_contains(error,
                  (folder_ / "sub/shape.toml").string() + ":1: teacher.shape.num_attention_heads");
  const std::vector<std::string> no_shape{"model.shape.hidden_size=0",
                                          "teacher.shape.hidden_size=0"};
  const Config config = load_config({"check", path, no_shape}).config;
  EXPECT_EQ(config.rl.steps, 4);
  EXPECT_EQ(config.rl.chunks, 2);
  EXPECT_EQ(config.model.shape.vocab_size, 11);
  EXPECT_EQ(config.teacher.shape.vocab_size, 10);
}

TEST_F(Include, ACycleIsAnError) {
  const std::string path = write("a.toml", "include = \"a.toml\"\n");
  EXPECT_THROW(load_config({"check", path, {}}), base::ConfigError);
}

TEST_F(Include, TheRunFolderIsPutIntoPaths) {
  Config config = load_text("[model]\npath = \"{run}/models/{run}\"\n").config;
  expand_run_folder(config, "out");
  EXPECT_EQ(config.model.path, "out/models/out");
}

}  // namespace
}  // namespace r1::config
