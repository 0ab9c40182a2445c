// F3: damaged, missing and foreign files are refused by name and reason, and an older checkpoint
// is used.
#include <gtest/gtest.h>

#include <fstream>

#include "base/errors.h"
#include "base/files.h"
#include "checkpoint/catalog.h"
#include "checkpoint/manifest.h"
#include "checkpoint/reader.h"
#include "parallel/local_communicator.h"
#include "unit/checkpoint/support.h"

namespace r1::checkpoint {
namespace {

namespace fs = std::filesystem;

State halves(int rank) {
  const auto whole = counting({8, 16});
  return {{{"w", {8, 16}, at::kDouble, {part_of(whole, {{4 * rank, 0}, {4, 16}})}, 0}},
          {{"config", "seed = 1"}}};
}

void create_foreign_hdf5(const std::string& path) {
  const Hdf5Section section;
  auto file = create_hdf5(path);
  write_attribute(file, "title", std::string("weather"));
}

// Makes the manifest agree with the files as they are now.
void renew_manifest(const std::string& checkpoint) {
  auto manifest = Manifest::read(checkpoint);
  for (auto& record : manifest.files) record = sum_file(checkpoint + "/" + record.name);
  manifest.write(checkpoint);
}

void set_format_version(const std::string& path, std::int64_t version) {
  const Hdf5Section section;
  const auto file = check_handle(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), path);
  H5Adelete(file, "format_version");
  write_attribute(file, "format_version", version);
}

void replace_text(const std::string& path, const std::string& from, const std::string& to) {
  auto text = base::read_file(path);
  const auto place = text.find(from);
  ASSERT_NE(place, std::string::npos);
  text.replace(place, from.size(), to);
  std::ofstream(path, std::ios::binary) << text;
}

struct Damage {
  const char* name;
  void (*apply)(const std::string& checkpoint);
  const char* file;    // the reason names it
  const char* reason;  // and says this
};

const Damage kDamages[] = {
    {"TruncatedShard",
     [](const std::string& c) {
       fs::resize_file(c + "/shard-00001.h5", fs::file_size(c + "/shard-00001.h5") - 1);
     },
     "shard-00001.h5", "bytes, expected"},
    {"FlippedByteOfData",
     [](const std::string& c) {
       flip_byte(c + "/shard-00000.h5", fs::file_size(c + "/shard-00000.h5") - 3);
     },
     "shard-00000.h5", "damaged: CRC32C"},
    {"FlippedByteOfMetadata", [](const std::string& c) { flip_byte(c + "/index.h5", 100); },
     "index.h5", "damaged: CRC32C"},
    {"MissingShard", [](const std::string& c) { fs::remove(c + "/shard-00001.h5"); },
     "shard-00001.h5", "missing"},
    {"EmptyIndex", [](const std::string& c) { fs::resize_file(c + "/index.h5", 0); }, "index.h5",
     "0 bytes, expected"},
    {"NoManifest", [](const std::string& c) { fs::remove(c + "/MANIFEST.json"); }, "MANIFEST.json",
     "missing"},
    {"TruncatedManifest", [](const std::string& c) { fs::resize_file(c + "/MANIFEST.json", 50); },
     "MANIFEST.json", "not a manifest"},
    {"EditedManifest",
     [](const std::string& c) { replace_text(c + "/MANIFEST.json", "\"step\": 2", "\"step\": 9"); },
     "MANIFEST.json", "damaged: CRC32C"},
    {"WrongVersionOfManifest",
     [](const std::string& c) {
       replace_text(c + "/MANIFEST.json", "\"format_version\": 1", "\"format_version\": 2");
     },
     "MANIFEST.json", "format version 2, expected 1"},
    {"WrongVersionOfShard",
     [](const std::string& c) {
       set_format_version(c + "/shard-00000.h5", 2);
       renew_manifest(c);
     },
     "shard-00000.h5", "format version 2, expected 1"},
    {"ForeignHdf5",
     [](const std::string& c) {
       create_foreign_hdf5(c + "/shard-00001.h5");
       renew_manifest(c);
     },
     "shard-00001.h5", "foreign HDF5 file"},
    {"NotHdf5",
     [](const std::string& c) {
       std::ofstream(c + "/index.h5") << "junk";
       renew_manifest(c);
     },
     "index.h5", "not a readable HDF5 file"},
    {"FolderWithoutFiles",
     [](const std::string& c) {
       fs::remove_all(c);
       fs::create_directory(c);
     },
     "MANIFEST.json", "missing"},
};

class DamageTest : public testing::TestWithParam<Damage> {};

}  // namespace

TEST_P(DamageTest, IsRefusedByNameAndTheOlderOneIsUsed) {
  const TemporaryFolder folder;
  for (const std::int64_t step : {1, 2}) save_on_ranks(2, folder.path(), step, halves);
  const auto damaged = folder.path("step-00000002");
  ASSERT_EQ(refusal_of(damaged), "");

  GetParam().apply(damaged);

  const auto reason = refusal_of(damaged);
  EXPECT_NE(reason.find(GetParam().file), std::string::npos) << reason;
  EXPECT_NE(reason.find(GetParam().reason), std::string::npos) << reason;
  for (const int size : {1, 2})
    run_ranks(size, [&](parallel::Communicator& communicator) {
      const auto selection = newest_valid(folder.path(), communicator);
      EXPECT_EQ(selection.step, 1);
      EXPECT_EQ(selection.refused.size(), 1u);
    });
}

INSTANTIATE_TEST_SUITE_P(F3, DamageTest, testing::ValuesIn(kDamages),
                         [](const auto& info) { return info.param.name; });

/// A folder's name says nothing: of two folders that were exchanged neither is what it is called.
TEST(Damage, ARenamedFolderIsRefused) {
  const TemporaryFolder folder;
  parallel::LocalCommunicator communicator;
  for (const std::int64_t step : {1, 2, 3})
    save_alone(folder.path(), step, {{whole_tensor("w", counting({4}))}, {}});
  fs::rename(folder.path("step-00000003"), folder.path("step-00000009"));
  auto selection = newest_valid(folder.path(), communicator);
  EXPECT_EQ(selection.step, 2);
  ASSERT_EQ(selection.refused.size(), 1u);
  EXPECT_NE(selection.refused[0].reason.find("is the checkpoint of step 3"), std::string::npos);
  EXPECT_THROW(select_checkpoint(folder.path(), "9", communicator), base::InputError);
  fs::remove_all(folder.path("step-00000009"));
  fs::copy(folder.path("step-00000001"), folder.path("step-00000004"), fs::copy_options::recursive);
  EXPECT_EQ(newest_valid(folder.path(), communicator).step, 2);
}

TEST(Damage, ACheckpointOfAnotherRunIsRefused) {
  const TemporaryFolder folder, other;
  parallel::LocalCommunicator communicator;
  save_alone(folder.path(), 1, {{whole_tensor("w", counting({4}))}, {}});
  save_alone(other.path(), 2, {{whole_tensor("w", counting({4}))}, {}});
  fs::copy(other.path("step-00000002"), folder.path("step-00000002"), fs::copy_options::recursive);
  const auto selection = newest_valid(folder.path(), communicator);
  EXPECT_EQ(selection.step, 1);
  ASSERT_EQ(selection.refused.size(), 1u);
  EXPECT_NE(selection.refused[0].reason.find("is a checkpoint of run "), std::string::npos);
  // The file that names the run is lost or damaged: it is written again as the newest one says.
  std::ofstream(folder.path("run.json")) << "x";
  fs::remove_all(folder.path("step-00000002"));
  const auto run = Manifest::read(folder.path("step-00000001")).identity.run;
  EXPECT_EQ(run_of(folder.path()), std::nullopt);
  EXPECT_EQ(require_run(folder.path()), run);
  EXPECT_EQ(run_of(folder.path()), run);
}

/// The manifest agrees with each file, but not with the index: a part was left out.
TEST(Damage, AManifestOfOtherPartsIsRefused) {
  const TemporaryFolder folder;
  save_on_ranks(2, folder.path(), 1, halves);
  const auto path = folder.path("step-00000001");
  auto manifest = Manifest::read(path);
  std::erase_if(manifest.files, [](const auto& record) { return record.name == "shard-00001.h5"; });
  manifest.write(path);
  EXPECT_NE(
      refusal_of(path).find("index.h5: is the index of 2 other files than the 1 of the manifest"),
      std::string::npos)
      << refusal_of(path);
  EXPECT_THROW(CheckpointReader{path}, base::InputError);
}

TEST(Damage, NoneValidIsAClearError) {
  const TemporaryFolder folder;
  save_alone(folder.path(), 1, {{whole_tensor("w", counting({4}))}, {}});
  fs::remove(folder.path("step-00000001/index.h5"));
  parallel::LocalCommunicator communicator;
  try {
    select_checkpoint(folder.path(), "latest", communicator);
    FAIL();
  } catch (const base::InputError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("no valid checkpoint; refused"), std::string::npos) << text;
    EXPECT_NE(text.find("index.h5: missing"), std::string::npos) << text;
  }
}

TEST(Damage, ReaderNeverReturnsAFlippedByte) {
  const TemporaryFolder folder;
  save_alone(folder.path(), 1, {{whole_tensor("w", counting({64}))}, {}});
  const auto path = folder.path("step-00000001");
  const auto bytes = fs::file_size(path + "/shard-00000.h5");
  for (std::uint64_t offset = 0; offset < bytes; offset += 97) {
    flip_byte(path + "/shard-00000.h5", offset);
    EXPECT_THROW(CheckpointReader(path).read("w"), base::Error) << offset;
    flip_byte(path + "/shard-00000.h5", offset);
  }
  EXPECT_TRUE(at::equal(CheckpointReader(path).read("w"), counting({64})));
}

}  // namespace r1::checkpoint
