// Dequantised values equal gguf-py's, bit for bit (tests/data/formats/make_quantised.py).
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/errors.h"
#include "checkpoint/formats/gguf.h"
#include "unit/formats/smollm2.h"

namespace r1::checkpoint {
namespace {

constexpr double kSumTolerance = 1e-6;  // relative; the order of summation differs

const char* const kFile = R1_SOURCE_DIR "/tests/data/formats/quantised.gguf";

std::vector<float> values_of(const GgufFile& file, const std::string& name) {
  const GgufTensor& tensor = file.tensor(name);
  std::vector<float> values(static_cast<std::size_t>(tensor.num_elements()));
  file.dequantise(tensor, values);
  return values;
}

class DequantisedType : public testing::TestWithParam<const char*> {};

TEST_P(DequantisedType, EqualsTheReference) {
  const GgufFile file(kFile);
  const std::string name = GetParam();
  EXPECT_EQ(file.tensor(name).shape, (std::vector<std::int64_t>{3, 512}));
  EXPECT_EQ(values_of(file, name), values_of(file, name + ".expected"));
}

INSTANTIATE_TEST_SUITE_P(Gguf, DequantisedType,
                         testing::Values("f16", "bf16", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0",
                                         "q4_k", "q5_k", "q6_k"));

TEST(GgufFile, DequantisesTheBlocksOfABox) {
  const GgufFile file(kFile);
  const GgufTensor& tensor = file.tensor("q5_0");  // blocks of 32 values in 22 bytes
  const std::vector<float> all = values_of(file, "q5_0");
  std::vector<float> box(2 * 80);
  EXPECT_EQ(file.dequantise_box(tensor, {1, 2, 50, 80}, box), 2 * 4 * 22);
  for (std::size_t row = 0; row < 2; ++row)
    EXPECT_TRUE(std::equal(box.begin() + static_cast<std::ptrdiff_t>(row * 80),
                           box.begin() + static_cast<std::ptrdiff_t>((row + 1) * 80),
                           all.begin() + static_cast<std::ptrdiff_t>((row + 1) * 512 + 50)))
        << row;
  EXPECT_THROW(file.dequantise_box(tensor, {2, 2, 50, 80}, box), base::InternalError);
  EXPECT_THROW(file.dequantise_box(tensor, {0, 2, 450, 80}, box), base::InternalError);
}

TEST(GgufFile, ReadsSmolLm2AsTheGoldensSay) {
  const auto path = test::find_smollm2();
  if (!path) GTEST_SKIP() << "needs SmolLM2's GGUF (R1_SMOLLM2_GGUF)";
  const GgufFile file(*path);
  const auto golden = nlohmann::json::parse(
      std::ifstream(R1_SOURCE_DIR "/tests/data/formats/smollm2_dequantised.json"));
  for (const auto& expected : golden["dequantised"]) {
    const std::string name = expected["name"];
    SCOPED_TRACE(name);
    EXPECT_EQ(file.tensor(name).shape, expected["shape_rows_cols"]);
    const std::vector<float> values = values_of(file, name);
    const std::size_t middle = expected["middle_offset"];
    for (std::size_t i = 0; i < 8; ++i) {
      EXPECT_EQ(values[i], expected["first8"][i].get<float>());
      EXPECT_EQ(values[middle + i], expected["middle8"][i].get<float>());
      EXPECT_EQ(values[values.size() - 8 + i], expected["last8"][i].get<float>());
    }
    const double sum = std::accumulate(values.begin(), values.end(), 0.0);
    const double sum_abs = std::accumulate(values.begin(), values.end(), 0.0,
                                           [](double s, float v) { return s + std::abs(v); });
    EXPECT_NEAR(sum, expected["sum"].get<double>(), kSumTolerance * sum_abs);
    EXPECT_NEAR(sum_abs, expected["sum_abs"].get<double>(), kSumTolerance * sum_abs);
  }
  for (const auto& [name, type] : golden["types"].items())
    EXPECT_EQ(file.tensor(name).layout->name, type.get<std::string>());
}

}  // namespace
}  // namespace r1::checkpoint
