// Metadata of a GGUF file is read by type, and hostile files are refused by name.
#include <gtest/gtest.h>

#include <fstream>

#include "base/errors.h"
#include "base/files.h"
#include "checkpoint/formats/gguf.h"
#include "support/temporary_folder.h"
#include "unit/formats/gguf_bytes.h"

namespace r1::checkpoint {
namespace {

class GgufParse : public testing::Test {
 protected:
  GgufFile open(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary) << bytes;
    return GgufFile(path_);
  }
  void expect_refused(const test::GgufBytes& bytes, const std::string& part) {
    SCOPED_TRACE(part);
    try {
      open(bytes.bytes_);
      ADD_FAILURE() << "was not refused";
    } catch (const base::InputError& error) {
      EXPECT_NE(std::string(error.what()).find(path_), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }
  test::TemporaryFolder folder_;
  std::string path_ = folder_.path("model.gguf");
};

TEST_F(GgufParse, ReadsTypedMetadata) {
  const GgufFile file(R1_SOURCE_DIR "/tests/data/formats/quantised.gguf");
  EXPECT_EQ(file.string("general.architecture"), "llama");
  EXPECT_EQ(file.integer("test.number"), 42);
  EXPECT_EQ(file.number("test.number"), 42.0);
  EXPECT_EQ(file.number("test.fraction"), 0.25);
  EXPECT_TRUE(file.boolean("test.flag"));
  EXPECT_EQ(file.strings("test.words"),
            (std::vector<std::string_view>{"", "a", "Ġtwo words", "글"}));
  EXPECT_EQ(file.integers("test.ids"), (std::vector<std::int64_t>{3, -1, 7}));
  EXPECT_FALSE(file.has("test.absent"));
  EXPECT_THROW(file.integer("test.absent"), base::InputError);
  EXPECT_THROW(file.integer("test.flag"), base::InputError);
}

TEST_F(GgufParse, ReversesTheDims) {
  test::GgufBytes bytes;
  bytes.header(1, 0).tensor("weight", {4, 3, 2}, 0, 0).data(96);
  const GgufFile file = open(bytes.bytes_);
  EXPECT_EQ(file.tensor("weight").shape, (std::vector<std::int64_t>{2, 3, 4}));
  EXPECT_EQ(file.tensor("weight").num_rows(), 6);
  EXPECT_EQ(file.tensor("weight").data.size(), 96u);
}

/// Part `number` of `count` with one tensor of its own.
test::GgufBytes part(std::uint16_t number, std::uint16_t count, const std::string& tensor) {
  constexpr std::uint32_t kUint16 = 2;
  test::GgufBytes bytes;
  bytes.header(1, 2).text("split.no").number(kUint16).number(number);
  bytes.text("split.count").number(kUint16).number(count);
  bytes.tensor(tensor, {4}, 0, 0).data(16);
  return bytes;
}

TEST_F(GgufParse, ReadsASplitModelFromItsFirstPart) {
  const auto write = [&](const std::string& name, const test::GgufBytes& bytes) {
    std::ofstream(folder_.path(name), std::ios::binary) << bytes.bytes_;
    return folder_.path(name);
  };
  const auto refused = [](const std::string& path, const std::string& words) {
    try {
      GgufFile{path};
      ADD_FAILURE() << "was not refused";
    } catch (const base::InputError& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  };
  const auto first = write("m-00001-of-00002.gguf", part(0, 2, "a"));
  refused(first, "part 2 is missing");
  const auto second = write("m-00002-of-00002.gguf", part(1, 2, "b"));
  const GgufFile file(first);
  EXPECT_TRUE(file.has_tensor("a"));
  EXPECT_EQ(file.tensor("b").data.size(), 16u);
  EXPECT_EQ(file.tensors().size(), 2u);
  refused(second, "this is part 2 of 2: expected the first part");
  refused(write("renamed.gguf", part(0, 2, "a")), "this is part 1 of 2");
  write("m-00002-of-00002.gguf", part(1, 2, "a"));
  refused(first, "an earlier part has it too");
  write("m-00002-of-00002.gguf", part(0, 2, "b"));
  refused(first, "expected part 2 of 2");
}

TEST_F(GgufParse, RefusesOtherFiles) {
  expect_refused(test::GgufBytes(), "end of the file");
  expect_refused(test::GgufBytes().number<std::uint64_t>(0), "GGUF");
  expect_refused(test::GgufBytes().header(0, 0, 9), "version 2 or 3");
}

TEST_F(GgufParse, RefusesLyingCounts) {
  const auto huge = ~std::uint64_t{0};
  expect_refused(test::GgufBytes().header(huge, 0), "count");
  expect_refused(test::GgufBytes().header(0, huge), "count");
  expect_refused(test::GgufBytes().header(0, 1).text("k").number(8u).number(huge).data(64),
                 "key k");
  expect_refused(
      test::GgufBytes().header(0, 1).text("k").number(9u).number(8u).number(huge).data(64),
      "key k");
  expect_refused(test::GgufBytes().header(0, 1).text("k").number(9u).number(9u).data(64), "key k");
  expect_refused(test::GgufBytes().header(0, 1).text("k").number(77u).data(64), "key k");
  expect_refused(
      test::GgufBytes().header(0, 2).text("k").number(4u).number(1u).text("k").number(4u).number(
          1u),
      "comes twice");
}

TEST_F(GgufParse, RefusesLyingTensors) {
  const auto huge = std::uint64_t{1} << 62;
  expect_refused(test::GgufBytes().header(1, 0).tensor("w", {huge, huge}, 0, 0).data(64),
                 "tensor w");
  expect_refused(test::GgufBytes().header(1, 0).tensor("w", {8, 8}, 0, 0).data(64), "tensor w");
  expect_refused(test::GgufBytes().header(1, 0).tensor("w", {8}, 0, 64).data(64), "tensor w");
  expect_refused(test::GgufBytes().header(1, 0).tensor("w", {8}, 0, huge).data(64), "tensor w");
  expect_refused(test::GgufBytes().header(1, 0).tensor("w", {8}, 0, 4).data(64), "divisible");
  expect_refused(test::GgufBytes().header(1, 0).tensor("w", {8}, 2, 0).data(64), "multiple of 32");
  expect_refused(test::GgufBytes().header(1, 0).tensor("w", {8}, 999, 0).data(64), "type 999");
  expect_refused(test::GgufBytes().header(1, 0).tensor("w", {1, 1, 1, 1, 1}, 0, 0).data(64),
                 "dimensions");
  expect_refused(
      test::GgufBytes().header(2, 0).tensor("w", {8}, 0, 0).tensor("w", {8}, 0, 32).data(64),
      "twice");
}

TEST_F(GgufParse, RefusesTensorsThatOverlap) {
  const auto two = [](std::uint64_t second) {
    return test::GgufBytes()
        .header(2, 0)
        .tensor("a", {16}, 0, 0)
        .tensor("b", {8}, 0, second)
        .data(96);
  };
  EXPECT_EQ(open(two(64).bytes_).tensors().size(), 2u);
  expect_refused(two(32), "tensor b: expected bytes of its own, found some of tensor a");
  expect_refused(two(0), "bytes of its own");
}

TEST_F(GgufParse, AnEmptyDimensionHidesNoHugeOnes) {
  const std::uint64_t large = 200;
  const std::uint64_t huge = std::uint64_t{1} << 40;
  expect_refused(test::GgufBytes().header(1, 0).tensor("w", {0, large, large}, 0, 0).data(64),
                 "does not fit");
  expect_refused(test::GgufBytes().header(1, 0).tensor("w", {huge, 0}, 0, 0).data(64),
                 "does not fit");
  EXPECT_EQ(open(test::GgufBytes().header(1, 0).tensor("w", {0, 3}, 0, 0).data(64).bytes_)
                .tensor("w")
                .num_elements(),
            0);
}

TEST_F(GgufParse, RefusesABadAlignment) {
  expect_refused(test::GgufBytes()
                     .header(1, 1)
                     .text("general.alignment")
                     .number(4u)
                     .number(0u)
                     .tensor("w", {8}, 0, 0)
                     .data(64),
                 "general.alignment");
  expect_refused(test::GgufBytes()
                     .header(1, 1)
                     .text("general.alignment")
                     .number(4u)
                     .number(48u)
                     .tensor("w", {8}, 0, 0)
                     .data(64),
                 "power of two");
}

TEST_F(GgufParse, RefusesEveryTruncation) {
  test::GgufBytes bytes;
  bytes.header(1, 2)
      .text("a")
      .number(8u)
      .text("b")
      .text("c")
      .number(9u)
      .number(5u)
      .number<std::uint64_t>(2)
      .number(1)
      .number(2);
  bytes.tensor("w", {8}, 0, 0).data(32);
  for (std::size_t size = 0; size < bytes.bytes_.size(); ++size)
    EXPECT_THROW(open(bytes.bytes_.substr(0, size)), base::InputError) << size;
  EXPECT_EQ(open(bytes.bytes_).integers("c").size(), 2u);
}

// Whatever one wrong byte says, the file is read within its bounds or refused (run under ASan).
TEST_F(GgufParse, SurvivesEveryWrongByteOfTheHeader) {
  const std::string good = base::read_file(R1_SOURCE_DIR "/tests/data/formats/quantised.gguf");
  constexpr std::size_t kHeaderBytes = 1600;
  int refused = 0;
  for (std::size_t at = 0; at < kHeaderBytes; ++at) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(~bytes[at]);
    try {
      const GgufFile file = open(bytes);
      for (const GgufTensor& tensor : file.tensors()) {
        std::vector<float> values(static_cast<std::size_t>(tensor.num_elements()));
        if (tensor.layout->decode != nullptr) file.dequantise(tensor, values);
      }
    } catch (const base::InputError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace r1::checkpoint
