// Every decoder family against transformers: logits, log-probabilities, hidden states, loss and
// gradients of the fixtures.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "kernels/add_rms_norm.h"
#include "support/fixtures.h"

namespace r1::models {
namespace {

constexpr double kLogits = 1e-4, kLogitsDeepseek = 2e-4, kLogprobs = 1e-4, kHidden = 1e-4,
                 kLoss = 1e-5, kGradient = 5e-5;  // fixtures' README

struct Case {
  const char* name;
  bool shared;  // the complete fixture beside the project, else the part of it in tests/data
};

void PrintTo(const Case& tested, std::ostream* out) {
  *out << tested.name << (tested.shared ? " (shared)" : "");
}

class FamilyFixture : public ::testing::TestWithParam<std::tuple<Case, const char*>> {
 protected:
  void SetUp() override {
    const auto folder = test::fixture_folder(tested().name, tested().shared);
    if (!folder) GTEST_SKIP() << "no shared fixture " << tested().name << " (R1_SHARED)";
    folder_ = *folder;
    expected_ = test::read_tensors(folder_ + "/expected.safetensors");
    sequences_ = test::read_sequences(folder_);
    ASSERT_EQ(sequences_.tokens.size(), 3u);
  }
  Case tested() const { return std::get<0>(GetParam()); }
  double logit_tolerance() const {
    return std::string(tested().name).starts_with("deepseek") ? kLogitsDeepseek : kLogits;
  }
  std::unique_ptr<Model> load(std::int64_t num_layers = 0) const {
    return test::load_fixture_folder(folder_, at::kFloat, std::get<1>(GetParam()), num_layers);
  }
  /// Compares where the fixture has the value.
  void compare(const at::Tensor& found, const std::string& name, double tolerance) {
    const auto value = expected_.find(name);
    if (value == expected_.end()) return;
    EXPECT_LT(test::max_difference(found, value->second), tolerance) << name;
    compared_.insert(name);
  }
  /// Each value of the fixture whose name `counts` was compared, and there are such values.
  void expect_all_compared(const std::function<bool(const std::string&)>& counts) const {
    std::set<std::string> names;
    for (const auto& [name, value] : expected_)
      if (counts(name)) names.insert(name);
    EXPECT_FALSE(names.empty());
    EXPECT_EQ(compared_, names);
  }
  static at::Tensor logprobs(const at::Tensor& logits, const std::vector<std::int64_t>& tokens) {
    const auto targets = at::tensor(tokens, at::kLong).slice(0, 1).unsqueeze(1);
    return at::log_softmax(logits, -1).slice(0, 0, -1).gather(1, targets).flatten();
  }

  std::string folder_;
  std::map<std::string, at::Tensor> expected_;
  test::FixtureSequences sequences_;
  std::set<std::string> compared_;  // names of expected values
};

TEST_P(FamilyFixture, LogitsAndHiddenStatesMatch) {
  const auto model = load();
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < sequences_.tokens.size(); ++i) {
    const auto hidden = model->forward(
        test::packed_input({sequences_.tokens[i]}, {sequences_.positions[i]}, at::kFloat));
    const auto logits = at::linear(hidden, model->head().weight);
    const auto prefix = "seq" + std::to_string(i) + ".";
    compare(hidden, prefix + "final_hidden", kHidden);
    compare(logits, prefix + "logits", logit_tolerance());
    const auto found = logprobs(logits, sequences_.tokens[i]);
    compare(found, prefix + "logprobs", kLogprobs);
    compare(-found.mean(), prefix + "loss", kLoss);
  }
  expect_all_compared([](const std::string& name) {
    // A model gives its embeddings through the layers alone.
    return name.starts_with("seq") && name.find(".layer") == std::string::npos &&
           !name.ends_with(".embeddings");
  });
}

TEST_P(FamilyFixture, EveryLayersOutputMatches) {
  const at::NoGradGuard no_grad;
  const auto num_layers = load()->shape().num_hidden_layers;
  for (std::int64_t layer = 0; layer < num_layers; ++layer) {
    const auto expected = expected_.find("seq0.layer" + std::to_string(layer));
    ASSERT_NE(expected, expected_.end()) << "layer " << layer;
    const auto model = load(layer + 1);  // gives the layer's output behind the final norm
    const auto hidden = model->forward(
        test::packed_input({sequences_.tokens[0]}, {sequences_.positions[0]}, at::kFloat));
    const auto& norm =
        *std::find_if(model->parameters().begin(), model->parameters().end(),
                      [](const Parameter& p) { return p.slices[0].name == "model.norm.weight"; });
    const auto normed =
        kernels::add_rms_norm(expected->second, {}, norm.value, model->shape().rms_norm_eps);
    EXPECT_LT(test::max_difference(hidden, normed.second), kHidden) << "layer " << layer;
  }
}

TEST_P(FamilyFixture, GradientsMatchWithAndWithoutRecomputation) {
  for (const auto recompute :
       {Recompute::Nothing, Recompute::FeedForward, Recompute::Layer, Recompute::LayerFromHost}) {
    const auto model = load();
    model->set_activation_checkpointing(recompute);
    for (auto& parameter : model->parameters()) parameter.value.requires_grad_(true);
    const auto input = test::packed_input(sequences_.tokens, sequences_.positions, at::kFloat);
    const auto logits = at::linear(model->forward(input), model->head().weight);
    std::vector<at::Tensor> terms;
    std::int64_t start = 0;
    for (const auto& tokens : sequences_.tokens) {
      const auto n = static_cast<std::int64_t>(tokens.size());
      terms.push_back(-logprobs(logits.narrow(0, start, n), tokens));
      start += n;
    }
    const auto loss = at::cat(terms).mean();
    loss.backward();
    EXPECT_NEAR(loss.item<double>(), expected_.at("loss").item<double>(), kLoss);
    compared_.clear();
    for (const auto& parameter : model->parameters())
      for (const auto& slice : parameter.slices)
        if (parameter.value.grad().defined())
          compare(parameter.value.grad().narrow(0, slice.row_begin, slice.rows),
                  "grad." + slice.name, kGradient);
    expect_all_compared([](const std::string& name) { return name.starts_with("grad."); });
  }
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures, FamilyFixture,
    ::testing::Combine(::testing::Values(Case{"llama", false}, Case{"llama31", false},
                                         Case{"qwen2", false}, Case{"qwen3", false},
                                         Case{"deepseek_v3", false},
                                         Case{"deepseek_v3_noqlora", false}),
                       ::testing::Values("config.json", "config_v4.json")));

INSTANTIATE_TEST_SUITE_P(
    Shared, FamilyFixture,
    ::testing::Combine(::testing::Values(Case{"llama", true}, Case{"llama31", true},
                                         Case{"qwen2", true}, Case{"qwen2_untied", true},
                                         Case{"qwen3", true}, Case{"deepseek_v3", true},
                                         Case{"deepseek_v3_noqlora", true}),
                       ::testing::Values("config.json")));

class SharedPrefix : public ::testing::TestWithParam<const char*> {};

TEST_P(SharedPrefix, SequencesThatShareItEqualPlainOnes) {
  constexpr double kSame = 1e-12;
  const auto model = test::load_fixture(GetParam(), at::kDouble);
  const std::vector<std::int64_t> prompt{5, 9, 200, 31, 7}, a{11, 12, 13}, b{150, 2};
  auto join = [&](std::vector<std::int64_t> tail) {
    auto all = prompt;
    all.insert(all.end(), tail.begin(), tail.end());
    return all;
  };
  const at::NoGradGuard no_grad;
  const auto plain = model->forward(test::packed_input({join(a), join(b)}, {}, at::kDouble));
  const ModelInput shared{
      at::tensor({5, 9, 200, 31, 7, 11, 12, 13, 150, 2}, at::kLong),
      at::tensor({0, 1, 2, 3, 4, 5, 6, 7, 5, 6}, at::kLong),
      {nn::make_packed_attention({{0, 5, -1}, {5, 3, 0}, {8, 2, 0}}, at::kDouble, at::kCPU),
       nullptr,
       {}}};
  const auto grouped = model->forward(shared);
  EXPECT_LT(test::max_difference(grouped.narrow(0, 0, 8), plain.narrow(0, 0, 8)), kSame);
  EXPECT_LT(test::max_difference(grouped.narrow(0, 8, 2), plain.narrow(0, 13, 2)), kSame);
}

INSTANTIATE_TEST_SUITE_P(Families, SharedPrefix,
                         ::testing::Values("llama", "qwen2", "qwen3", "deepseek_v3",
                                           "deepseek_v3_noqlora"));

}  // namespace
}  // namespace r1::models
