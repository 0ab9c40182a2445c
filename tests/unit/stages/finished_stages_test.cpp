// What a pipeline deletes of a stage that is done, and what it keeps for stages that are not.
#include "mpi/stages/finished_stages.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/files.h"
#include "checkpoint/catalog.h"
#include "models/registry.h"
#include "models/safetensors_source.h"
#include "mpi/model_loading.h"
#include "support/small_shape.h"
#include "support/temporary_folder.h"
#include "tokenizer/byte_definition.h"
#include "tokenizer/tokenizer.h"

namespace r1::mpi {
namespace {

namespace fs = std::filesystem;
using Steps = std::vector<std::int64_t>;

constexpr std::size_t kShardBytes = std::size_t{1} << 30;

class FinishedStages : public testing::Test {
 protected:
  FinishedStages() {
    done_.name = "rl1";
    done_.folder = folder_.path("stages/02-rl1");
    done_.model_folder = folder_.path("models/rl1_final");
    for (const std::int64_t step : {5, 10})
      fs::create_directories(checkpoints() + "/" + checkpoint::checkpoint_name(step));
  }

  std::string checkpoints() const { return done_.folder + "/checkpoints"; }
  Steps steps() const { return checkpoint::list_steps(checkpoints()); }
  static StageSetup starting_from(const std::string& path) {
    StageSetup stage;
    stage.config.model.path = path;
    return stage;
  }
  void write_model() const {
    auto shape = test::small_shape("llama");
    shape.vocab_size = 260;
    auto model = models::make_model(shape, at::kFloat, at::kCPU);
    models::randomize(*model, 3);
    const tokenizer::Tokenizer bytes(tokenizer::byte_definition());
    write_model_description(shape, at::kFloat, &bytes, {}, done_.model_folder);
    models::write_safetensors_weights(model->parameters(), done_.model_folder, kShardBytes);
  }
  at::ScalarType stored_dtype() const {
    return models::open_model(done_.model_folder).weights->dtype("model.embed_tokens.weight");
  }

  test::TemporaryFolder folder_;
  StageSetup done_;
};

TEST_F(FinishedStages, KeepNoCheckpointThatNobodyStartsFrom) {
  remove_checkpoints(done_, std::vector{starting_from(done_.model_folder)});
  EXPECT_EQ(steps(), Steps{});
}

TEST_F(FinishedStages, KeepCheckpointsThatALaterStageNames) {
  for (const char* which : {"", "/", "/latest", "/best", "/5"}) {
    remove_checkpoints(done_, std::vector{starting_from(done_.folder + which)});
    EXPECT_EQ(steps(), (Steps{5, 10})) << which;
  }
  remove_checkpoints(done_, std::vector{starting_from(done_.folder + "b/latest")});
  EXPECT_EQ(steps(), Steps{});
}

TEST_F(FinishedStages, KeepCheckpointsThatTheConfigurationAsksFor) {
  done_.config.checkpoint.keep_every = 10;
  remove_checkpoints(done_, {});
  EXPECT_EQ(steps(), (Steps{10}));
}

TEST_F(FinishedStages, OfSeveralStudentsKeepNoneEither) {
  done_.config.distill.students.resize(1);
  done_.config.distill.students[0].name = "small";
  fs::create_directories(done_.folder + "/small/checkpoints/" + checkpoint::checkpoint_name(3));
  remove_checkpoints(done_, {});
  EXPECT_EQ(checkpoint::list_steps(done_.folder + "/small/checkpoints"), Steps{});
}

TEST_F(FinishedStages, KeepTheModelsDtypeWhileAStageStartsFromIt) {
  write_model();
  narrow_models(done_, std::vector{starting_from(done_.model_folder)});
  EXPECT_EQ(stored_dtype(), at::kFloat);

  narrow_models(done_, {});

  EXPECT_EQ(stored_dtype(), at::kBFloat16);
  EXPECT_TRUE(fs::exists(done_.model_folder + "/tokenizer.json"));
  for (const auto& entry : fs::directory_iterator(folder_.path("models")))
    EXPECT_EQ(entry.path().filename(), "rl1_final");
}

TEST_F(FinishedStages, PutAModelBackThatAKilledStartTookAway) {
  write_model();
  fs::rename(done_.model_folder, folder_.path("models/.rl1_final.before"));
  narrow_models(done_, {});
  EXPECT_EQ(stored_dtype(), at::kBFloat16);
}

}  // namespace
}  // namespace r1::mpi
