// Adapters (LoRA): forward pass and gradients are PEFT's, a base without adapters is untouched, and
// merged weights compute the same.
#include "models/adapters.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "models/peft_folder.h"
#include "models/registry.h"
#include "support/fixtures.h"
#include "support/small_shape.h"

namespace r1::models {
namespace {

constexpr double kAdapterRounding = 1e-10;  // fp64, relative to values of about 1
constexpr double kFiniteDifference = 1e-7;  // relative, of central differences
constexpr std::uint64_t kAdapterSeed = 5;

LoraOptions small_lora() {
  return {.r = 3, .lora_alpha = 6.0};
}

std::unique_ptr<Model> small_model(const LoraOptions& lora) {
  auto shape = test::small_shape("qwen2");
  shape.lora = lora;
  auto model = make_model(shape, at::kDouble, at::kCPU);
  randomize(*model, kAdapterSeed);
  for (const auto& adapter : model->adapters()) {
    randomize(adapter, kAdapterSeed);
    adapter.value.mul_(10.0);
  }
  return model;
}

at::Tensor logits_of(const Model& model, const std::vector<std::int64_t>& ids) {
  return at::linear(model.forward(test::packed_input({ids}, {}, at::kDouble)), model.head().weight);
}

at::Tensor hidden_of(const Model& model) {
  return model.forward(test::packed_input({{1, 5, 2, 12}, {7, 0, 3}}, {}, at::kDouble));
}

/// The base of a PEFT folder, with the folder's adapters beside it.
std::unique_ptr<Model> load_beside(const std::string& folder) {
  const auto peft = read_peft_config(folder);
  const auto base = open_model(peft.base);
  auto shape = base.shape;
  shape.lora = peft.lora;
  const auto values = test::read_tensors(folder + "/adapter_model.safetensors");
  shape.lora.target_modules.clear();
  for (const auto& module : LoraOptions::modules())
    if (std::any_of(values.begin(), values.end(), [&](const auto& entry) {
          return entry.first.find("." + module + ".") != std::string::npos;
        }))
      shape.lora.target_modules.push_back(module);
  auto model = make_model(shape, at::kDouble, at::kCPU);
  load_weights(*model, *base.weights);
  std::size_t num_read = 0;
  for (const auto& adapter : model->adapters())
    for (const auto& slice : adapter.slices) {
      rows_of(adapter, slice).copy_(values.at(slice.name));
      ++num_read;
    }
  EXPECT_EQ(num_read, values.size());
  return model;
}

class PeftFixture : public ::testing::TestWithParam<const char*> {
 protected:
  std::string folder_ = test::data_path(std::string("models/peft/") + GetParam());
  std::map<std::string, at::Tensor> expected_ =
      test::read_tensors(folder_ + "/expected.safetensors");
  std::vector<std::int64_t> ids() const {
    const auto& ids = expected_.at("ids");
    return {ids.const_data_ptr<std::int64_t>(), ids.const_data_ptr<std::int64_t>() + ids.numel()};
  }
};

TEST_P(PeftFixture, MergedLogitsArePefts) {
  const auto files = open_model(folder_);
  const auto model = make_model(files.shape, at::kDouble, at::kCPU);
  load_weights(*model, *files.weights);
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(model->adapters().empty());
  EXPECT_LT(test::max_difference(logits_of(*model, ids()), expected_.at("logits")),
            kAdapterRounding);
}

TEST_P(PeftFixture, LogitsAndGradientsOfAdaptersArePefts) {
  const auto model = load_beside(folder_);
  {
    const at::NoGradGuard no_grad;
    EXPECT_LT(test::max_difference(logits_of(*model, ids()), expected_.at("logits")),
              kAdapterRounding);
  }
  const auto input = test::packed_input({ids()}, {}, at::kDouble);  // lives until backward
  for (const auto part : {Recompute::Nothing, Recompute::FeedForward, Recompute::Layer}) {
    model->set_activation_checkpointing(part);
    for (const auto& adapter : model->adapters()) {
      adapter.value.requires_grad_(true);
      adapter.value.mutable_grad() = at::Tensor();
    }
    const auto logits = at::linear(model->forward(input), model->head().weight);
    EXPECT_LT(test::max_difference(logits.detach(), expected_.at("logits")), kAdapterRounding);
    at::cross_entropy_loss(logits.slice(0, 0, -1), expected_.at("ids").slice(0, 1)).backward();
    std::size_t num_compared = 0;
    for (const auto& adapter : model->adapters())
      for (const auto& slice : adapter.slices)
        if (const auto found = expected_.find("gradient/" + slice.name); found != expected_.end()) {
          const auto gradient = adapter.value.grad().narrow(0, slice.row_begin, slice.rows);
          EXPECT_LT(test::max_difference(gradient, found->second), kAdapterRounding) << slice.name;
          ++num_compared;
        }
    EXPECT_EQ(num_compared + 2, expected_.size());  // ids and logits
    for (const auto& parameter : model->parameters())
      EXPECT_FALSE(parameter.value.grad().defined());
  }
}

INSTANTIATE_TEST_SUITE_P(Families, PeftFixture, ::testing::Values("llama", "qwen3", "deepseek_v3"),
                         [](const auto& info) { return std::string(info.param); });

TEST(Adapters, GradientsAreFiniteDifferences) {
  const auto model = small_model(small_lora());
  for (const auto& adapter : model->adapters()) adapter.value.requires_grad_(true);
  hidden_of(*model).pow(3).sum().backward();
  const at::NoGradGuard no_grad;
  constexpr double kStep = 1e-5;
  for (const auto& adapter : model->adapters()) {
    auto values = adapter.value.view(-1);
    const auto gradients = adapter.value.grad().view(-1);
    for (const auto i : {std::int64_t{0}, values.numel() / 2, values.numel() - 1}) {
      const auto value = values[i].item<double>();
      const auto loss_at = [&](double x) {
        values[i].fill_(x);
        return hidden_of(*model).pow(3).sum().item<double>();
      };
      const double slope = (loss_at(value + kStep) - loss_at(value - kStep)) / (2.0 * kStep);
      values[i].fill_(value);
      EXPECT_NEAR(gradients[i].item<double>(), slope, kFiniteDifference * (1.0 + std::abs(slope)))
          << adapter.slices.front().name;
    }
  }
}

TEST(Adapters, FirstValuesLeaveTheBaseAsItIs) {
  const auto base = small_model({});
  const auto model = small_model(small_lora());
  const at::NoGradGuard no_grad;
  EXPECT_GT(test::max_difference(hidden_of(*model), hidden_of(*base)), 0.01);
  initialize_adapters(*model, kAdapterSeed);
  EXPECT_TRUE(at::equal(hidden_of(*model), hidden_of(*base)));
  for (const auto& adapter : model->adapters())
    for (const auto& slice : adapter.slices) {
      const auto rows = rows_of(adapter, slice);
      if (slice.name.ends_with(kLoraB)) {
        EXPECT_EQ(rows.abs().max().item<double>(), 0.0) << slice.name;
        continue;
      }
      const double bound = 1.0 / std::sqrt(static_cast<double>(rows.size(1)));
      EXPECT_LE(rows.abs().max().item<double>(), bound) << slice.name;
      EXPECT_GT(rows.abs().max().item<double>(), 0.8 * bound) << slice.name;
      EXPECT_NEAR(rows.mean().item<double>(), 0.0, 0.4 * bound) << slice.name;
    }
}

TEST(Adapters, AreOffAsLongAsTheBaseIsAskedFor) {
  const auto base = small_model({});
  const auto model = small_model(small_lora());
  const at::NoGradGuard no_grad;
  const auto adapted = hidden_of(*model);
  {
    const WithoutAdapters off(model.get());
    EXPECT_TRUE(at::equal(hidden_of(*model), hidden_of(*base)));
  }
  EXPECT_TRUE(at::equal(hidden_of(*model), adapted));
}

TEST(Adapters, MergedWeightsComputeTheSame) {
  for (const auto& modules : {LoraOptions::modules(), {"k_proj", "down_proj"}, {"up_proj"}}) {
    auto lora = small_lora();
    lora.target_modules = modules;
    lora.use_rslora = true;
    const auto model = small_model(lora);
    const auto merged = small_model({});
    const at::NoGradGuard no_grad;
    for (const auto& adapted : model->adapted_weights())
      merged->parameters()[adapted.weight].value.copy_(merged_weight(
          *model, adapted, [&](std::size_t i) { return model->adapters()[i].value; }, at::kDouble));
    EXPECT_LT(test::max_difference(hidden_of(*model), hidden_of(*merged)), kAdapterRounding);
  }
}

TEST(Adapters, FingerprintTellsBasesApart) {
  const auto model = small_model(small_lora()), other = small_model(small_lora());
  EXPECT_EQ(base_fingerprint(*model), base_fingerprint(*other));
  other->adapters()[1].value.add_(1.0);
  EXPECT_EQ(base_fingerprint(*model), base_fingerprint(*other));
  other->parameters()[1].value[0] += 1e-9;
  EXPECT_NE(base_fingerprint(*model), base_fingerprint(*other));
}

}  // namespace
}  // namespace r1::models
