// Weights that do not fit their model: errors name file, tensor, expected and found; what may be
// left over; and half precision.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/errors.h"
#include "models/registry.h"
#include "models/weights.h"
#include "support/fixtures.h"

namespace r1::models {
namespace {

/// The tensors of a fixture in memory, to be changed.
class MemorySource final : public WeightSource {
 public:
  explicit MemorySource(const WeightSource& source) {
    for (const auto& name : source.names()) tensors[name] = source.read(name);
  }
  const std::string& path() const override { return path_; }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, values] : tensors) names.push_back(name);
    return names;
  }
  bool has(const std::string& name) const override { return tensors.contains(name); }
  std::vector<std::int64_t> shape(const std::string& name) const override {
    return tensors.at(name).sizes().vec();
  }
  at::ScalarType dtype(const std::string& name) const override {
    return tensors.at(name).scalar_type();
  }
  at::Tensor read(const std::string& name) const override { return tensors.at(name); }
  void fill(const at::Tensor& rows, const WeightSlice& slice) const override {
    rows.copy_(box_of(tensors.at(slice.name), slice, rows.sizes()));
  }
  std::int64_t bytes_read() const override { return 0; }

  std::map<std::string, at::Tensor> tensors;

 private:
  std::string path_ = "some/folder";
};

class LoadWeights : public ::testing::Test {
 protected:
  ModelFiles files_ = open_model(test::data_path("models/deepseek_v3"));
  MemorySource source_{*files_.weights};
  std::unique_ptr<Model> model_ = make_model(files_.shape, at::kFloat, at::kCPU);

  void expect_refused(const std::vector<std::string>& words) {
    try {
      load_weights(*model_, source_);
      FAIL() << "accepted";
    } catch (const base::InputError& error) {
      const std::string text = error.what();
      for (const auto& word : words) EXPECT_NE(text.find(word), std::string::npos) << text;
    }
  }
};

/// A slip of config.json is found before anything of its size is built.
TEST_F(LoadWeights, AShapeFarFromTheFilesIsRefusedBeforeItIsBuilt) {
  const auto refusal = [&](ModelShape shape) -> std::string {
    try {
      require_plausible(shape, source_);
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal(files_.shape), "");
  auto shape = files_.shape;
  shape.num_hidden_layers = 9000;
  EXPECT_NE(refusal(shape).find("num_hidden_layers is 9000, but the weights are "),
            std::string::npos);
  shape = files_.shape;
  shape.vocab_size = 1 << 23;
  EXPECT_NE(refusal(shape).find("the configuration describes "), std::string::npos);
}

TEST_F(LoadWeights, ValuesThatAreNotFiniteAreAnError) {
  for (const double value : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    const std::string name = "model.layers.1.self_attn.o_proj.weight";
    source_.tensors[name] = source_.tensors[name].clone();
    source_.tensors[name][0][1] = value;
    try {
      load_weights(*model_, source_);
      FAIL() << "accepted";
    } catch (const base::NumericalError& error) {
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
    }
  }
}

TEST_F(LoadWeights, AMissingTensorIsNamed) {
  source_.tensors.erase("model.layers.1.mlp.experts.5.up_proj.weight");
  expect_refused({"some/folder", "'model.layers.1.mlp.experts.5.up_proj.weight' is missing"});
}

TEST_F(LoadWeights, AWrongShapeIsNamed) {
  source_.tensors["model.layers.0.self_attn.kv_b_proj.weight"] = at::zeros({16, 128});
  expect_refused({"some/folder", "kv_b_proj.weight", "expected shape [128, 16]", "[16, 128]"});
}

TEST_F(LoadWeights, AnUnknownTensorIsNamed) {
  source_.tensors["model.layers.0.self_attn.q_proj.bias"] = at::zeros({112});
  expect_refused({"some/folder", "'model.layers.0.self_attn.q_proj.bias'", "deepseek_v3"});
}

TEST_F(LoadWeights, LayersBeyondTheModelsAreSkipped) {
  source_.tensors["model.layers.3.eh_proj.weight"] = at::zeros({64, 128});
  source_.tensors["model.layers.3.shared_head.head.weight"] = at::zeros({256, 64});
  load_weights(*model_, source_);
  source_.tensors["model.layers.x.weight"] = at::zeros({1});
  expect_refused({"model.layers.x.weight"});
}

TEST_F(LoadWeights, HalfPrecisionIsReadIntoAnyDtype) {
  for (auto& [name, values] : source_.tensors)
    values = values.to(name.ends_with("norm.weight") ? at::kBFloat16 : at::kHalf);
  for (const auto dtype : {at::kFloat, at::kDouble, at::kBFloat16}) {
    const auto model = make_model(files_.shape, dtype, at::kCPU);
    load_weights(*model, source_);
    for (const auto& parameter : model->parameters())
      for (const auto& slice : parameter.slices) {
        const auto& values = source_.tensors.at(slice.name);
        EXPECT_TRUE(at::equal(parameter.value.narrow(0, slice.row_begin, slice.rows),
                              values.to(parameter.value.scalar_type())))
            << slice.name;
      }
  }
}

TEST_F(LoadWeights, TheBalanceBiasIsNeverRoundedToBf16) {
  for (const auto dtype : {at::kBFloat16, at::kFloat, at::kDouble}) {
    const auto model = make_model(files_.shape, dtype, at::kCPU);
    const auto bias = std::find_if(
        model->parameters().begin(), model->parameters().end(), [](const Parameter& parameter) {
          return parameter.slices[0].name.ends_with("e_score_correction_bias");
        });
    ASSERT_NE(bias, model->parameters().end());
    EXPECT_EQ(bias->value.scalar_type(), dtype == at::kDouble ? at::kDouble : at::kFloat);
  }
}

}  // namespace
}  // namespace r1::models
