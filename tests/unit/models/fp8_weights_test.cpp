// fp8 weights in blocks are read as torch computes them (tests/data/models/fp8/make.py).
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/errors.h"
#include "checkpoint/formats/safetensors.h"
#include "models/safetensors_source.h"
#include "support/temporary_folder.h"

namespace r1::models {
namespace {

const std::string kFp8Folder = R1_SOURCE_DIR "/tests/data/models/fp8";

TEST(Fp8Weights, AreTheValuesOfTorch) {
  const auto source = open_safetensors_weights(kFp8Folder);
  EXPECT_EQ(source->names(),
            (std::vector<std::string>{"norm.weight", "tall.weight", "wide.weight"}));
  EXPECT_FALSE(source->has("tall.weight_scale_inv"));
  EXPECT_EQ(source->read("norm.weight").scalar_type(), at::kBFloat16);
  const checkpoint::SafetensorsFile expected(kFp8Folder + "/expected.safetensors");
  for (const std::string name : {"tall.weight", "wide.weight"}) {
    const auto values = source->read(name);
    EXPECT_EQ(values.scalar_type(), at::kFloat);
    EXPECT_EQ(values.sizes().vec(), source->shape(name));
    const auto bytes = expected.tensor(name).data;
    ASSERT_EQ(values.nbytes(), bytes.size());
    EXPECT_EQ(std::memcmp(values.const_data_ptr(), bytes.data(), bytes.size()), 0) << name;
  }
}

TEST(Fp8Weights, FillABoxFromItsBlocksAlone) {
  for (const auto& [name, offset] :
       {std::pair{"tall.weight", std::vector<std::int64_t>{128, 5}}, {"wide.weight", {3, 130}}}) {
    const auto whole = open_safetensors_weights(kFp8Folder)->read(name);
    const auto source = open_safetensors_weights(kFp8Folder);
    const auto rows = at::empty({2, 17}, at::kDouble);
    const WeightSlice slice{name, 0, 2, whole.sizes().vec(), offset};
    source->fill(rows, slice);
    EXPECT_TRUE(at::equal(rows, box_of(whole, slice, rows.sizes()).to(at::kDouble))) << name;
    EXPECT_LT(source->bytes_read(), whole.numel() / 4) << name;  // a byte a value
  }
}

class HostileFp8 : public testing::Test {
 protected:
  HostileFp8() {
    std::filesystem::copy(kFp8Folder + "/model.safetensors", folder_.path("model.safetensors"));
  }
  void expect_refused(const std::string& config, const std::string& part) {
    std::ofstream(folder_.path("config.json")) << config;
    try {
      open_safetensors_weights(folder_.path())->read("tall.weight");
      ADD_FAILURE() << "was not refused: " << config;
    } catch (const base::InputError& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find(folder_.path()), std::string::npos) << error.what();
    }
  }
  test::TemporaryFolder folder_;
};

TEST_F(HostileFp8, AnotherBlockSizeOrMethodIsRefused) {
  const auto sizes = [](const std::string& sizes) {
    return R"({"quantization_config":{"quant_method":"fp8","weight_block_size":)" + sizes + "}}";
  };
  expect_refused(sizes("[64,128]"), "expected shape [3, 1] for blocks of [64, 128], found [2, 1]");
  expect_refused(sizes("[0,128]"), "weight_block_size");
  expect_refused(sizes("[128]"), "weight_block_size");
  expect_refused(sizes("null"), "found no block size");
  expect_refused("{}", "found no block size");
  expect_refused(R"({"quantization_config":{"quant_method":"gptq"}})", "quant_method fp8");
}

}  // namespace
}  // namespace r1::models
