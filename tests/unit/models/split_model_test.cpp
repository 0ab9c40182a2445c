// Models that several ranks hold together: the hidden states, gradients and weights are those of
// the whole model.
#include "models/split_model.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "models/registry.h"
#include "support/fixtures.h"
#include "support/small_shape.h"
#include "support/split_axes.h"
#include "support/thread_ranks.h"
#include "support/whole_tensors.h"

namespace r1::models {
namespace {

constexpr double kRounding = 1e-12;  // fp64
constexpr std::uint64_t kSeed = 3;

ModelShape shape_with_biases(const std::string& architecture) {
  auto shape = test::small_shape(architecture);
  shape.attention_bias = architecture != "qwen2" && architecture != "deepseek_v3";
  shape.mlp_bias = architecture == "llama";
  return shape;
}

struct Step {
  at::Tensor hidden;
  std::map<std::string, at::Tensor> gradients;  // of whole tensors
  double squared_norm = 0.0;                    // of the gradient
  at::Tensor expert_load;
};

/// One forward and backward; every rank gets the whole result.
Step step(Model& model, Recompute recompute, bool sequence_parallel = false) {
  model.set_sequence_parallel(sequence_parallel);
  for (const auto& parameter : model.trained_parameters()) parameter.value.requires_grad_(true);
  model.set_activation_checkpointing(recompute);
  const auto input = test::packed_input({{1, 5, 2, 12}, {7, 0, 3}}, {}, at::kDouble);
  Step result;
  const auto hidden = model.forward(input);
  result.hidden = hidden.detach();
  hidden.square().sum().backward();
  const auto& axes = model.axes();
  std::vector<Parameter> gradients;
  for (const auto& parameter : model.trained_parameters()) {
    gradients.push_back(parameter);
    const auto& grad = parameter.value.grad();
    gradients.back().value = grad.defined() ? grad : at::zeros_like(parameter.value.detach());
  }
  std::vector<FlatRange> ranges;
  for (std::size_t i = 0; i < gradients.size(); ++i)
    ranges.push_back({i, 0, gradients[i].value.view(-1)});
  sum_partial_gradients(gradients, ranges, at::kDouble, axes, parallel::alone());
  for (const auto& parameter : gradients)
    for (const auto& slice : parameter.slices)
      if (counts(parameter, slice, axes))
        result.squared_norm += rows_of(parameter, slice).square().sum().item<double>();
  result.squared_norm = axes[parallel::ModelAxis::Experts].all_reduce_scalar(
      result.squared_norm, parallel::ReduceOp::Sum, "norm");
  result.gradients = test::whole_on_every_rank(model, gradients);
  result.expert_load = model.take_expert_load();
  if (result.expert_load.defined())
    axes[parallel::ModelAxis::Tensor]
        .all_reduce(result.expert_load, parallel::ReduceOp::Sum, "load")
        .wait();
  return result;
}

/// Adapters too have no zeros, so that all their gradients count.
void fill(Model& model) {
  randomize(model, kSeed);
  for (const auto& adapter : model.adapters()) randomize(adapter, kSeed);
}

void expect_step_of_the_whole_model(const ModelShape& shape) {
  const auto whole = make_model(shape, at::kDouble, at::kCPU);
  fill(*whole);
  const auto expected = step(*whole, Recompute::Nothing);
  for (const int size : {2, 4})
    for (const auto& [recompute, sequence] : {std::pair{Recompute::Nothing, false},
                                              {Recompute::Layer, false},
                                              {Recompute::FeedForward, false},
                                              {Recompute::Nothing, true},
                                              {Recompute::Layer, true},
                                              {Recompute::FeedForward, true}})
      test::ThreadRanks::run(size, [&](parallel::Communicator& ranks) {
        const auto part = make_model(shape, at::kDouble, at::kCPU, test::all_over(ranks));
        fill(*part);
        const auto found = step(*part, recompute, sequence);
        EXPECT_LT(test::max_difference(found.hidden, expected.hidden), kRounding);
        EXPECT_NEAR(found.squared_norm, expected.squared_norm, kRounding * expected.squared_norm);
        ASSERT_EQ(found.gradients.size(), expected.gradients.size());
        for (const auto& [name, gradient] : expected.gradients)
          EXPECT_LT(test::max_difference(found.gradients.at(name), gradient),
                    kRounding * (1.0 + gradient.abs().max().item<double>()))
              << name << " on " << size << " ranks";
        ASSERT_EQ(found.expert_load.defined(), expected.expert_load.defined());
        if (!expected.expert_load.defined()) return;
        EXPECT_TRUE(at::equal(found.expert_load, expected.expert_load));
      });
}

class SplitModel : public ::testing::TestWithParam<const char*> {
 protected:
  ModelShape shape_ = shape_with_biases(GetParam());
};

TEST_P(SplitModel, StepEqualsThatOfTheWholeModel) {
  expect_step_of_the_whole_model(shape_);
}

TEST_P(SplitModel, StepOfAdaptersEqualsThatOfTheWholeModel) {
  const std::vector<std::vector<std::string>> choices =
      shape_.has_latent_attention()
          ? std::vector<std::vector<std::string>>{{"o_proj"}}
          : std::vector<std::vector<std::string>>{
                LoraOptions::modules(), {"k_proj", "o_proj"}, {"v_proj", "up_proj"}};
  for (const auto& modules : choices) {
    auto shape = shape_;
    shape.lora = {.r = 3, .lora_alpha = 7.0, .target_modules = modules};
    expect_step_of_the_whole_model(shape);
  }
}

TEST_P(SplitModel, PartsMakeTheWholeModel) {
  const auto whole = make_model(shape_, at::kDouble, at::kCPU);
  randomize(*whole, kSeed);
  test::ThreadRanks::run(4, [&](parallel::Communicator& ranks) {
    const auto part = make_model(shape_, at::kDouble, at::kCPU, test::all_over(ranks));
    randomize(*part, kSeed);
    const auto gathered = test::whole_on_every_rank(*part, part->parameters());
    for (const auto& parameter : whole->parameters())
      for (const auto& slice : parameter.slices)
        EXPECT_TRUE(at::equal(gathered.at(slice.name), rows_of(parameter, slice))) << slice.name;
  });
}

INSTANTIATE_TEST_SUITE_P(Families, SplitModel,
                         ::testing::Values("llama", "qwen2", "qwen3", "deepseek_v3"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace r1::models
