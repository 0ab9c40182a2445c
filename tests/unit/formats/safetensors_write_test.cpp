// What the writer streams is what the reader finds; an unfinished file never appears.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/errors.h"
#include "checkpoint/formats/safetensors_folder.h"
#include "checkpoint/formats/safetensors_writer.h"
#include "support/temporary_folder.h"

namespace r1::checkpoint {
namespace {

std::vector<std::byte> pattern(std::size_t size, int seed) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::byte>(static_cast<int>(i) * 31 + seed);
  return bytes;
}
std::vector<std::byte> copy(const SafetensorsTensor& tensor) {
  return {tensor.data.begin(), tensor.data.end()};
}

const std::vector<SafetensorsEntry> kEntries = {
    {"z.weight", "F32", {3, 5}}, {"empty", "F32", {0, 5}}, {"a.bias", "BF16", {7}}};

void write_all(const std::string& folder, const std::vector<SafetensorsShard>& shards) {
  for (const SafetensorsShard& shard : shards) {
    SafetensorsWriter writer(folder + "/" + shard.file, shard.entries);
    for (const SafetensorsEntry& entry : shard.entries)
      writer.write(entry.name, pattern(entry.num_bytes(), static_cast<int>(entry.name.size())));
    writer.finish();
  }
  write_safetensors_index(folder, shards);
}

TEST(SafetensorsWriter, RoundTripsInPieces) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("model.safetensors");
  const auto first = pattern(60, 1);
  const auto second = pattern(14, 2);
  {
    SafetensorsWriter writer(path, kEntries);
    writer.write("z.weight", std::span(first).first(7));
    writer.write("z.weight", std::span(first).subspan(7));
    writer.write("a.bias", second);
    EXPECT_FALSE(std::filesystem::exists(path));
    writer.finish();
  }
  const SafetensorsFile file(path);
  EXPECT_EQ(copy(file.tensor("z.weight")), first);
  EXPECT_EQ(copy(file.tensor("a.bias")), second);
  EXPECT_EQ(file.tensor("a.bias").dtype, "BF16");
  EXPECT_EQ(file.tensor("empty").shape, (std::vector<std::int64_t>{0, 5}));
  EXPECT_EQ(file.metadata().at("format"), "pt");
}

TEST(SafetensorsWriter, LeavesNothingWhenNotFinished) {
  const test::TemporaryFolder folder;
  {
    SafetensorsWriter writer(folder.path("model.safetensors"), kEntries);
    writer.write("z.weight", pattern(10, 0));
    EXPECT_THROW(writer.finish(), base::InternalError);
    EXPECT_THROW(writer.write("a.bias", pattern(14, 0)), base::InternalError);
    EXPECT_THROW(writer.write("z.weight", pattern(51, 0)), base::InternalError);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SafetensorsWriter, RefusesWrongEntries) {
  const test::TemporaryFolder folder;
  EXPECT_THROW(SafetensorsWriter(folder.path("a"), {{"x", "F99", {1}}}), base::InputError);
  EXPECT_THROW(SafetensorsWriter(folder.path("a"), {{"x", "F32", {1}}, {"x", "F32", {1}}}),
               base::InputError);
  EXPECT_THROW(SafetensorsWriter(folder.path("no/folder"), kEntries), base::InputError);
}

TEST(SafetensorsShards, SplitAtTheLimitAndAreFoundByName) {
  const test::TemporaryFolder folder;
  const auto shards = split_into_shards(kEntries, 61);
  ASSERT_EQ(shards.size(), 2u);
  EXPECT_EQ(shards[0].file, "model-00001-of-00002.safetensors");
  EXPECT_EQ(shards[0].entries.size(), 2u);
  write_all(folder.path(), shards);
  const SafetensorsFolder weights(folder.path());
  EXPECT_EQ(weights.names(), (std::vector<std::string>{"a.bias", "empty", "z.weight"}));
  EXPECT_EQ(copy(weights.tensor("a.bias")), pattern(14, 6));
  EXPECT_EQ(copy(weights.tensor("z.weight")), pattern(60, 8));
  EXPECT_EQ(weights.find("absent"), nullptr);
}

TEST(SafetensorsShards, OneFileNeedsNoIndex) {
  const test::TemporaryFolder folder;
  EXPECT_FALSE(SafetensorsFolder::is_one(folder.path()));
  EXPECT_THROW(SafetensorsFolder{folder.path()}, base::InputError);
  write_all(folder.path(), split_into_shards(kEntries, 1000));
  EXPECT_TRUE(SafetensorsFolder::is_one(folder.path()));
  EXPECT_FALSE(std::filesystem::exists(folder.path(kIndexFile)));
  EXPECT_EQ(SafetensorsFolder(folder.path()).names().size(), 3u);
}

TEST(SafetensorsShards, RefuseAnIndexThatLies) {
  const test::TemporaryFolder folder;
  write_all(folder.path(), split_into_shards(kEntries, 61));
  const auto index = [&](const std::string& text) {
    std::ofstream(folder.path(kIndexFile)) << text;
    EXPECT_THROW(SafetensorsFolder{folder.path()}, base::InputError) << text;
  };
  index("{");
  index(R"({"weight_map": []})");
  index(R"({"weight_map": {"z.weight": "../model-00001-of-00002.safetensors"}})");
  index(R"({"weight_map": {"z.weight": 3}})");
  index(R"({"weight_map": {"z.weight": "absent.safetensors"}})");
  index(R"({"weight_map": {"z.weight": "model-00002-of-00002.safetensors"}})");
}

}  // namespace
}  // namespace r1::checkpoint
