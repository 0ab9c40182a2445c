// GGUF files that are written read back as what they were written from.
#include "checkpoint/formats/gguf_writer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>

#include "checkpoint/formats/gguf.h"
#include "checkpoint/formats/half.h"

namespace r1::checkpoint {
namespace {

std::string new_file(const std::string& name) {
  const auto path =
      std::filesystem::path(::testing::TempDir()) / (name + std::to_string(::getpid()) + ".gguf");
  std::filesystem::remove(path);
  return path;
}

std::uint16_t half_of(float value) {
  const auto bytes = encode_ggml(GgmlType::F16, {&value, 1});
  std::uint16_t bits = 0;
  std::memcpy(&bits, bytes.data(), sizeof bits);
  return bits;
}

TEST(GgufWriter, MetadataAndTensorsReadBack) {
  const auto path = new_file("all");
  std::vector<float> values(2 * 64);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = std::sin(static_cast<float>(i)) * (i < 64 ? 1.0f : 100.0f);
  const std::vector<GgmlType> types{GgmlType::F32, GgmlType::F16, GgmlType::BF16, GgmlType::Q8_0};
  std::vector<GgufEntry> entries;
  for (const GgmlType type : types)
    entries.push_back({"t" + std::to_string(static_cast<int>(type)), type, {2, 64}});
  entries.push_back({"short", GgmlType::F32, {3}});
  {
    GgufWriter writer(path,
                      {{"general.architecture", std::string("llama")},
                       {"a.count", 7u},
                       {"a.real", 0.5f},
                       {"a.truth", true},
                       {"a.words", std::vector<std::string>{"x", "", "가"}},
                       {"a.types", std::vector<std::int32_t>{1, -2}}},
                      entries);
    for (const auto& entry : entries)
      writer.write(entry.name, {values.data(), static_cast<std::size_t>(entry.num_elements())});
    EXPECT_FALSE(std::filesystem::exists(path));
    writer.finish();
  }
  const GgufFile file(path);
  EXPECT_EQ(file.string("general.architecture"), "llama");
  EXPECT_EQ(file.integer("a.count"), 7);
  EXPECT_EQ(file.number("a.real"), 0.5);
  EXPECT_TRUE(file.boolean("a.truth"));
  EXPECT_EQ(file.strings("a.words").at(2), "가");
  EXPECT_EQ(file.integers("a.types"), (std::vector<std::int64_t>{1, -2}));
  const std::vector<float> steps{0.0f, 0x1p-11f, 0x1p-8f,
                                 1.0f / 254.0f};  // of the largest in a row
  for (std::size_t t = 0; t < types.size(); ++t) {
    const auto& tensor = file.tensor(entries[t].name);
    EXPECT_EQ(tensor.shape, (std::vector<std::int64_t>{2, 64}));
    std::vector<float> read(values.size());
    file.dequantise(tensor, read);
    for (std::size_t i = 0; i < values.size(); ++i)
      ASSERT_NEAR(read[i], values[i], steps[t] * (i < 64 ? 1.001f : 100.1f))
          << entries[t].name << i;
  }
  EXPECT_EQ(file.tensor("short").shape, (std::vector<std::int64_t>{3}));
}

TEST(GgufWriter, HalvesAreRoundedToNearestEven) {
  for (std::uint32_t bits = 0; bits < 0x7c00u; ++bits) {  // every finite value is itself
    const float value = half_to_float(static_cast<std::uint16_t>(bits));
    ASSERT_EQ(half_of(value), bits);
    ASSERT_EQ(half_of(-value), bits | 0x8000u);
    const float next = half_to_float(static_cast<std::uint16_t>(bits + 1));
    if (!std::isfinite(next)) continue;
    ASSERT_EQ(half_of((value + next) / 2.0f), bits + (bits & 1u)) << bits;
  }
  EXPECT_EQ(half_of(65519.0f), 0x7bffu);
  EXPECT_EQ(half_of(65520.0f), 0x7c00u);
  EXPECT_TRUE(std::isnan(half_to_float(half_of(std::numeric_limits<float>::quiet_NaN()))));
}

TEST(GgufWriter, AnUnfinishedFileIsNotLeft) {
  const auto path = new_file("unfinished");
  { const GgufWriter writer(path, {}, {{"a", GgmlType::F32, {2}}}); }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace r1::checkpoint
