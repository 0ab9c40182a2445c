// What is saved is what is read: dtypes, views, blobs, bytes.
#include <gtest/gtest.h>

#include <fstream>

#include "base/errors.h"
#include "base/files.h"
#include "checkpoint/reader.h"
#include "unit/checkpoint/support.h"

namespace r1::checkpoint {

TEST(RoundTrip, AllDtypesKeepTheirBits) {
  const TemporaryFolder folder;
  State state;
  const std::vector<at::ScalarType> dtypes{at::kDouble, at::kFloat, at::kBFloat16, at::kHalf,
                                           at::kLong,   at::kInt,   at::kByte};
  for (const auto dtype : dtypes)
    state.tensors.push_back(whole_tensor(c10::toString(dtype), counting({5, 7}, dtype)));

  save_alone(folder.path(), 3, state);

  CheckpointReader reader(folder.path("step-00000003"), Verify::Everything);
  for (const auto& saved : state.tensors) {
    const auto read = reader.read(saved.name);
    EXPECT_EQ(read.scalar_type(), saved.dtype);
    EXPECT_TRUE(at::equal(read, saved.boxes[0].view)) << saved.name;
  }
}

// All parts of a file are read together: bytes that two parts want are summed once.
TEST(RoundTrip, ATensorThatIsWantedTwiceIsReadTwice) {
  const TemporaryFolder folder;
  const auto values = counting({9, 4}, at::kFloat);
  save_alone(folder.path(), 1, {{whole_tensor("w", values), whole_tensor("x", values + 1)}, {}});
  const auto first = at::zeros({9, 4}), second = at::zeros({9, 4}), x = at::zeros({9, 4});
  CheckpointReader reader(folder.path("step-00000001"));
  reader.load(std::vector<ShardedTensor>{whole_tensor("w", first), whole_tensor("x", x),
                                         whole_tensor("w", second)});
  EXPECT_TRUE(at::equal(first, values));
  EXPECT_TRUE(at::equal(second, values));
  EXPECT_TRUE(at::equal(x, values + 1));
}

TEST(RoundTrip, NotANumberAndInfinityStay) {
  const TemporaryFolder folder;
  const auto tensor = at::full({3}, std::numeric_limits<float>::quiet_NaN(), at::kBFloat16);
  tensor[1] = std::numeric_limits<float>::infinity();
  save_alone(folder.path(), 1, {{whole_tensor("x", tensor)}, {}});
  const auto read = CheckpointReader(folder.path("step-00000001")).read("x");
  EXPECT_TRUE(at::equal(read.view(at::kShort), tensor.view(at::kShort)));
}

TEST(RoundTrip, ScalarAndNameWithSlashes) {
  const TemporaryFolder folder;
  State state;
  state.tensors = {whole_tensor("optimizer.step/a", at::full({}, 42, at::kLong)),
                   whole_tensor("optimizer.step/b.weight", counting({2}))};
  save_alone(folder.path(), 1, state);
  CheckpointReader reader(folder.path("step-00000001"));
  EXPECT_EQ(reader.read("optimizer.step/a").dim(), 0);
  EXPECT_EQ(reader.read("optimizer.step/a").item<std::int64_t>(), 42);
  EXPECT_EQ(reader.tensors().size(), 2u);
}

TEST(RoundTrip, FusedStorageUnderSeveralNames) {
  const TemporaryFolder folder;
  const auto fused = counting({12, 4}, at::kFloat);  // q 6, k 3, v 3 rows
  const auto saved = fused.clone();
  const auto views = [](const at::Tensor& storage) {
    return std::vector<ShardedTensor>{whole_tensor("q", storage.narrow(0, 0, 6)),
                                      whole_tensor("k", storage.narrow(0, 6, 3)),
                                      whole_tensor("v", storage.narrow(0, 9, 3)),
                                      whole_tensor("q.columns", storage.narrow(1, 1, 2))};
  };
  save_alone(folder.path(), 1, {views(fused), {}});
  fused.zero_();

  CheckpointReader reader(folder.path("step-00000001"));
  const auto report = reader.load(views(fused));

  EXPECT_TRUE(at::equal(fused, saved));
  EXPECT_TRUE(report.missing.empty() && report.unknown.empty());
}

TEST(RoundTrip, BlobsAreThoseOfRankZero) {
  const TemporaryFolder folder;
  const std::string binary("\0\xff\n", 3);
  save_on_ranks(2, folder.path(), 1, [&](int rank) {
    return State{{}, {{"config", binary + char('0' + rank)}, {"empty", ""}}};
  });
  CheckpointReader reader(folder.path("step-00000001"));
  EXPECT_EQ(reader.blob("config"), binary + "0");
  EXPECT_EQ(reader.blob("empty"), "");
  EXPECT_EQ(reader.blob_names(), (std::vector<std::string>{"config", "empty"}));
  EXPECT_THROW(reader.blob("other"), base::InputError);
}

TEST(RoundTrip, FileLargerThanASlabIsSummedAsItLies) {
  const TemporaryFolder folder;
  const auto large = at::arange((std::int64_t{70} << 20) / 8, at::kLong);
  save_alone(folder.path(), 1,
             {{whole_tensor("a", counting({3})), whole_tensor("large", large)}, {}});
  const auto path = folder.path("step-00000001");
  EXPECT_EQ(Manifest::read(path).find("shard-00000.h5")->slabs.size(), 2u);
  EXPECT_EQ(refusal_of(path), "");
  EXPECT_TRUE(at::equal(CheckpointReader(path).read("large"), large));
}

TEST(RoundTrip, SameStateGivesTheSameBytes) {
  const TemporaryFolder folder;
  State state{{whole_tensor("a", counting({9, 5})), whole_tensor("b/c", counting({4}, at::kHalf))},
              {}};
  save_alone(folder.path(), 1, state);
  save_alone(folder.path("again"), 1, state);
  auto first = base::read_file(folder.path("step-00000001/shard-00000.h5"));
  auto second = base::read_file(folder.path("again/step-00000001/shard-00000.h5"));
  ASSERT_EQ(first.size(), second.size());
  // The date in the root group and that group's checksum may differ; the data may not.
  std::size_t different = 0;
  for (std::size_t i = 0; i < first.size(); ++i) different += first[i] != second[i];
  EXPECT_LE(different, std::string("2026-01-31T12:00:00Z").size() + 4);
  const auto data = counting({9, 5});
  const std::string bytes(static_cast<const char*>(data.const_data_ptr()), data.nbytes());
  EXPECT_NE(first.find(bytes), std::string::npos);
  EXPECT_EQ(first.find(bytes), second.find(bytes));
}

TEST(RoundTrip, UnknownDtypeIsRefusedByName) {
  const TemporaryFolder folder;
  try {
    save_alone(folder.path(), 1, {{whole_tensor("mask", at::zeros({2}, at::kBool))}, {}});
    FAIL();
  } catch (const base::InputError& error) {
    EXPECT_NE(std::string(error.what()).find("mask"), std::string::npos);
  }
}

}  // namespace r1::checkpoint
