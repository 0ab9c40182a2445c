// The files of a trained model are the same bytes whatever the layout that trained it, and no rank
// holds the model to write them.
#include "mpi/model_export.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/files.h"
#include "models/hf_config.h"
#include "models/safetensors_source.h"
#include "mpi/collective_errors.h"
#include "mpi/roles/roles_setup.h"
#include "support/counted_memory.h"
#include "support/fixtures.h"
#include "support/temporary_folder.h"
#include "training/trainer.h"

namespace r1::mpi {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kWeightsSeed = 3;
constexpr std::size_t kShardBytes = 4000;
constexpr std::int64_t kExportBucketBytes = 1000;

/// A split of the policy over all ranks of the world.
struct Split {
  const char* name;
  int ep, tp;
  std::int64_t zero_stage;
};

void PrintTo(const Split& split, std::ostream* out) {
  *out << split.name;
}

std::map<std::string, std::string> files_of(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(folder))
    files[entry.path().filename().string()] = base::read_file(entry.path().string());
  return files;
}

/// A folder that all ranks see. Collective over: world.
class SharedFolder {
 public:
  explicit SharedFolder(MpiCommunicator& world)
      : world_(world), folder_(world.rank() == 0 ? new test::TemporaryFolder : nullptr) {
    auto path = at::zeros({256}, at::kByte);
    if (folder_) folder_->path().copy(static_cast<char*>(path.mutable_data_ptr()), 255);
    world.broadcast(path, 0, "folder of the test").wait();
    path_ = static_cast<const char*>(path.const_data_ptr());
  }
  ~SharedFolder() { world_.barrier("end of the folder"); }
  const std::string& path() const { return path_; }

 private:
  MpiCommunicator& world_;
  std::unique_ptr<test::TemporaryFolder> folder_;
  std::string path_;
};

/// The model of a policy in one split, and its trainer, whose masters are off the grid of bf16.
class Trained {
 public:
  Trained(MpiCommunicator& world, const std::string& architecture, at::ScalarType dtype,
          const Split& split)
      : groups_(world, test::TwoRoles{"", {world.size(), split.ep, split.tp}, {0}}.layout(
                           "reward", world.size())),
        model_(test::random_model(architecture, dtype, kWeightsSeed, groups_.model_axes(kPolicy))) {
    config::TrainerOptions options;
    options.zero_stage = split.zero_stage;
    options.bucket_mb = 1e-3;
    trainer_ = std::make_unique<training::Trainer>(
        *model_, std::vector<training::ExtraParameter>{{"value_head.weight", at::ones({1, 16})}},
        optim::OptimizerOptions(), options, config::RunOptions(), 1,
        groups_.weight_copies(kPolicy));
    for (std::size_t i = 0; i < model_->parameters().size(); ++i)
      if (model_->parameters()[i].trained)
        trainer_->set_master(i, trainer_->master(i).mul(1.0 + 1.0 / 4096));
  }

  RoleGroups& groups() { return groups_; }
  const training::Trainer& trainer() const { return *trainer_; }

 private:
  RoleGroups groups_;
  std::unique_ptr<models::Model> model_;
  std::unique_ptr<training::Trainer> trainer_;
};

/// The same masters whole on this rank, in `dtype`.
std::unique_ptr<models::Model> expected_model(const std::string& architecture,
                                              at::ScalarType trained, at::ScalarType dtype) {
  const auto whole = test::random_model(architecture, trained, kWeightsSeed);
  auto model = models::make_model(test::small_shape(architecture), dtype, at::kCPU);
  for (std::size_t i = 0; i < model->parameters().size(); ++i) {
    const auto& from = whole->parameters()[i];
    const auto masters = from.value.to(at::kFloat);
    model->parameters()[i].value.copy_(from.trained ? masters.mul(1.0 + 1.0 / 4096) : masters);
  }
  return model;
}

class ModelExport : public ::testing::TestWithParam<Split> {
 protected:
  /// Whether the world can be split so.
  bool fits() const { return world_.size() % (GetParam().ep * GetParam().tp) == 0; }
  MpiCommunicator world_ = test::make_world();
};

TEST_P(ModelExport, WritesTheFilesThatOneRankWrites) {
  if (!fits()) GTEST_SKIP() << "needs another number of ranks";
  for (const char* architecture : {"llama", "deepseek_v3"})
    for (const auto dtype : {at::kFloat, at::kBFloat16})
      for (const std::size_t shard_bytes : {kShardBytes, std::size_t{1} << 30}) {
        const SharedFolder folder(world_);
        Trained trained(world_, architecture, at::kBFloat16, GetParam());
        const ExportOptions options{dtype, shard_bytes, kExportBucketBytes};
        export_shards(trained.groups(), trained.trainer(), folder.path(), options);
        world_.barrier("all shards are written");
        EXPECT_FALSE(fs::exists(folder.path() + "/model.safetensors.index.json"));
        world_.barrier("looked for the index");
        if (world_.rank() > 0) continue;
        write_export_index(test::small_shape(architecture), folder.path(), options);

        const test::TemporaryFolder other;
        const auto expected = expected_model(architecture, at::kBFloat16, dtype);
        models::write_safetensors_weights(expected->parameters(), other.path(), shard_bytes);
        const auto found_files = files_of(folder.path()), expected_files = files_of(other.path());
        EXPECT_EQ(found_files.size(), expected_files.size());
        EXPECT_EQ(expected_files.size() > 1, shard_bytes == kShardBytes);
        for (const auto& [name, content] : expected_files) {
          ASSERT_TRUE(found_files.contains(name)) << name;
          EXPECT_TRUE(found_files.at(name) == content) << architecture << ": " << name;
        }
      }
}

TEST_P(ModelExport, LoadsWithEqualLogits) {
  if (!fits()) GTEST_SKIP() << "needs another number of ranks";
  const SharedFolder folder(world_);
  const auto shape = test::small_shape("qwen3");
  Trained trained(world_, "qwen3", at::kFloat, GetParam());
  const ExportOptions options{at::kFloat, kShardBytes, kExportBucketBytes};
  export_shards(trained.groups(), trained.trainer(), folder.path(), options);
  world_.barrier("all shards are written");
  if (world_.rank() > 0) return;
  write_export_index(shape, folder.path(), options);
  base::write_file_atomically(folder.path() + "/config.json",
                              models::config_from_shape(shape, {}, "float32").dump());
  const auto files = models::open_model(folder.path());
  const auto loaded = models::make_model(files.shape, at::kFloat, at::kCPU);
  models::load_weights(*loaded, *files.weights);
  const auto expected = expected_model("qwen3", at::kFloat, at::kFloat);
  const auto logits = [](const models::Model& model) {
    const auto hidden = model.forward(test::packed_input({{1, 5, 2, 12}}, {}, at::kFloat));
    return at::linear(hidden, model.head().weight);
  };
  EXPECT_TRUE(at::equal(logits(*loaded), logits(*expected)));
}

TEST_P(ModelExport, NeedsLittleMemory) {
  if (!fits()) GTEST_SKIP() << "needs another number of ranks";
  const SharedFolder folder(world_);
  const auto shape = test::small_shape("deepseek_v3");
  Trained trained(world_, "deepseek_v3", at::kBFloat16, GetParam());
  ExportMemory memory;
  std::int64_t peak = 0;
  {
    const test::CountedMemory counted;
    memory = export_shards(trained.groups(), trained.trainer(), folder.path(),
                           {at::kFloat, kShardBytes, kExportBucketBytes});
    peak = counted.peak();
  }
  EXPECT_LE(memory.messages, 2 * kExportBucketBytes);
  EXPECT_LE(memory.tensors, static_cast<std::int64_t>(kShardBytes));
  EXPECT_LE(peak, static_cast<std::int64_t>(2 * kShardBytes));
  std::int64_t whole = 0;
  for (const auto& tensor : models::whole_tensors(shape, at::kFloat))
    whole += c10::multiply_integers(tensor.shape) * 4;
  EXPECT_GT(whole, static_cast<std::int64_t>(4 * kShardBytes));  // else the bar would say nothing
}

TEST_P(ModelExport, AnErrorOfOneWriterIsTheErrorOfAll) {
  if (!fits()) GTEST_SKIP() << "needs another number of ranks";
  const SharedFolder folder(world_);
  Trained trained(world_, "llama", at::kFloat, GetParam());
  const auto missing = folder.path() + (world_.rank() == world_.size() - 1 ? "/missing" : "");
  EXPECT_THROW(coordinate_errors(
                   world_,
                   [&] {
                     export_shards(trained.groups(), trained.trainer(), missing,
                                   {at::kFloat, 100, kExportBucketBytes});
                   },
                   "export"),
               base::Error);
}

INSTANTIATE_TEST_SUITE_P(Splits, ModelExport,
                         ::testing::Values(Split{"replicas", 1, 1, 0},
                                           Split{"replicas, sharded", 1, 1, 1},
                                           Split{"tp 2, sharded", 1, 2, 2}, Split{"tp 4", 1, 4, 0},
                                           Split{"experts over 2 and tp 2, sharded", 2, 2, 1},
                                           Split{"experts over 4, sharded", 4, 1, 2},
                                           Split{"weights shared out", 1, 1, 3},
                                           Split{"experts over 2, shared out", 2, 2, 3}));

}  // namespace
}  // namespace r1::mpi
