// A checkpoint loads on another number of ranks and another layout.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>

#include "base/errors.h"
#include "checkpoint/reader.h"
#include "unit/checkpoint/support.h"

namespace r1::checkpoint {
namespace {

constexpr std::int64_t kRows = 12;
constexpr std::int64_t kColumns = 10;

enum class Layout { Rows, Columns, Flat };

// Rank's part of `whole` [kRows, kColumns], backed by memory of its own.
ShardedTensor shard(const at::Tensor& whole, Layout layout, int rank, int size) {
  const auto begin_of = [&](std::int64_t total) { return total * rank / size; };
  const auto end_of = [&](std::int64_t total) { return total * (rank + 1) / size; };
  if (layout == Layout::Flat) {
    const auto begin = begin_of(whole.numel());
    const auto flat = whole.flatten().narrow(0, begin, end_of(whole.numel()) - begin).clone();
    return flat_range_tensor("w", whole.sizes().vec(), begin, flat);
  }
  const int dim = layout == Layout::Rows ? 0 : 1;
  const auto begin = begin_of(whole.size(dim));
  Box box{{0, 0}, whole.sizes().vec()};
  box.offset[static_cast<std::size_t>(dim)] = begin;
  box.extent[static_cast<std::size_t>(dim)] = end_of(whole.size(dim)) - begin;
  auto local = part_of(whole, box);
  local.view = local.view.clone();
  return {"w", whole.sizes().vec(), whole.scalar_type(), {local}, 0};
}

}  // namespace

TEST(Reshard, EveryLayoutLoadsOnEveryOther) {
  const auto whole = counting({kRows, kColumns});
  for (const auto saved : {Layout::Rows, Layout::Columns, Layout::Flat})
    for (const int size : {1, 2, 3}) {
      const TemporaryFolder folder;
      save_on_ranks(size, folder.path(), 1, [&](int rank) {
        return State{{shard(whole, saved, rank, size)}, {}};
      });
      for (const auto loaded : {Layout::Rows, Layout::Columns, Layout::Flat})
        for (const int new_size : {1, 2, 3, 5})
          for (int rank = 0; rank < new_size; ++rank) {
            const auto expected = shard(whole, loaded, rank, new_size);
            auto mine = shard(at::zeros_like(whole), loaded, rank, new_size);
            CheckpointReader reader(folder.path("step-00000001"));
            reader.load({{mine}});
            for (std::size_t i = 0; i < mine.boxes.size(); ++i)
              EXPECT_TRUE(at::equal(mine.boxes[i].view, expected.boxes[i].view));
          }
    }
}

TEST(Reshard, OnlyTheNeededSliceIsRead) {
  const TemporaryFolder folder;
  const auto whole = counting({kRows, kColumns});
  save_on_ranks(3, folder.path(), 1, [&](int rank) {
    return State{{shard(whole, Layout::Rows, rank, 3)}, {}};
  });
  CheckpointReader reader(folder.path("step-00000001"));
  auto quarter = shard(whole, Layout::Columns, 0, 5);
  reader.load({{quarter}});
  EXPECT_EQ(reader.bytes_read(), static_cast<std::int64_t>(whole.nbytes()) / 5);
}

TEST(Reshard, SlabsThatAreNotReadAreNotVerified) {
  const TemporaryFolder folder;
  const auto large = at::arange((std::int64_t{160} << 20) / 8, at::kLong);
  save_alone(folder.path(), 1, {{whole_tensor("large", large)}, {}});
  const auto path = folder.path("step-00000001");
  flip_byte(path + "/shard-00000.h5", std::uint64_t{100} << 20);  // slab 1 of 3
  CheckpointReader reader(path);
  const auto view = at::empty({10}, at::kLong);

  reader.read("large", {{0}, {10}}, view);

  EXPECT_EQ(view[9].item<std::int64_t>(), 9);
  EXPECT_THROW(reader.read("large", {{(std::int64_t{100} << 20) / 8}, {10}}, view),
               base::InputError);
}

TEST(Reshard, ReplicasLoadButAreNotWritten) {
  const TemporaryFolder folder;
  save_on_ranks(2, folder.path(), 1, [](int rank) {
    auto tensor = whole_tensor("norm", counting({4}));
    tensor.replica = rank;
    return State{{tensor}, {}};
  });
  const auto path = folder.path("step-00000001");
  EXPECT_EQ(Manifest::read(path).find("shard-00001.h5"), nullptr);
  auto replica = whole_tensor("norm", at::zeros({4}, at::kDouble));
  replica.replica = 1;
  CheckpointReader(path).load({{replica}});
  EXPECT_TRUE(at::equal(replica.boxes[0].view, counting({4})));
}

TEST(Reshard, GapsAndOverlapsAreNotPublished) {
  const TemporaryFolder folder;
  const auto save_boxes = [&](std::vector<Box> boxes) {
    const auto whole = counting({4, 4});
    ShardedTensor tensor{"w", {4, 4}, at::kDouble, {}, 0};
    for (const auto& box : boxes) tensor.boxes.push_back(part_of(whole, box));
    save_alone(folder.path(), 1, {{tensor}, {}});
  };
  EXPECT_THROW(save_boxes({{{0, 0}, {2, 4}}}), base::Error);
  EXPECT_THROW(save_boxes({{{0, 0}, {3, 4}}, {{2, 0}, {1, 4}}}), base::Error);
  EXPECT_FALSE(std::filesystem::exists(folder.path("step-00000001")));
  save_boxes({{{0, 0}, {2, 4}}, {{2, 0}, {2, 4}}});
  EXPECT_TRUE(std::filesystem::exists(folder.path("step-00000001")));
}

TEST(Reshard, MisfitsAreReportedTogetherByName) {
  const TemporaryFolder folder;
  save_alone(folder.path(), 1,
             {{whole_tensor("a", counting({2, 3})), whole_tensor("b", counting({2})),
               whole_tensor("extra", counting({1}))},
              {}});
  CheckpointReader reader(folder.path("step-00000001"));
  const std::vector<ShardedTensor> wanted{whole_tensor("a", at::zeros({3, 2}, at::kDouble)),
                                          whole_tensor("b", at::zeros({2}, at::kFloat)),
                                          whole_tensor("c", at::zeros({5}, at::kFloat))};
  try {
    reader.load(wanted);
    FAIL();
  } catch (const base::InputError& error) {
    const std::string text = error.what();
    for (const char* part :
         {"'a': expected [3, 2] Double, found [2, 3] Double",
          "'b': expected [2] Float, found [2] Double", "'c': expected [5] Float"})
      EXPECT_NE(text.find(part), std::string::npos) << text;
  }
  const auto report =
      reader.load(std::span(wanted).subspan(1), {.allow_missing = true, .allow_cast = true});
  EXPECT_EQ(report.missing, std::vector<std::string>{"c"});
  EXPECT_EQ(report.unknown, (std::vector<std::string>{"a", "extra"}));
  EXPECT_TRUE(at::equal(wanted[1].boxes[0].view, counting({2}, at::kFloat)));
}

TEST(Reshard, FlatRangeHasFewBoxes) {
  const std::vector<std::int64_t> shape{3, 4, 5};
  for (std::int64_t begin = 0; begin <= 60; ++begin)
    for (std::int64_t end = begin; end <= 60; ++end) {
      auto boxes = flat_range_boxes(shape, begin, end);
      EXPECT_LE(boxes.size(), 5u);
      for (auto& box : flat_range_boxes(shape, 0, begin)) boxes.push_back(box);
      for (auto& box : flat_range_boxes(shape, end, 60)) boxes.push_back(box);
      ASSERT_EQ(tiling_problem(shape, boxes), "");
    }
}

TEST(Reshard, H5dumpSeesOneFile) {
  if (std::system("h5dump --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "h5dump not installed";
  const TemporaryFolder folder;
  const auto whole = counting({kRows, kColumns});
  save_on_ranks(3, folder.path(), 1, [&](int rank) {
    return State{{shard(whole, Layout::Flat, rank, 3)}, {}};
  });
  const auto command = "cd / && h5dump -y -w 10000 -d w " + folder.path("step-00000001/index.h5");
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  std::string text;
  std::array<char, 4096> buffer{};
  while (const auto n = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
    text.append(buffer.data(), n);
  EXPECT_NE(text.find("110, 111, 112, 113, 114, 115, 116, 117, 118, 119"), std::string::npos)
      << text;
}

}  // namespace r1::checkpoint
