// A pass over packed samples says of each what a pass over that sample alone says.
#include "training/pass.h"

#include "training/scoring.h"
#include "unit/training/training_support.h"

namespace r1::training {
namespace {

constexpr double kTemperature = 0.7;

/// log-probabilities of the completion under the model, of its plain forward.
std::vector<double> alone(const models::Model& model, const data::TrainingSample& sample) {
  std::vector<std::int64_t> tokens(sample.prompt_ids.begin(), sample.prompt_ids.end());
  tokens.insert(tokens.end(), sample.completion_ids.begin(), sample.completion_ids.end());
  const auto hidden = model.forward(test::packed_input({tokens}, {}, model.dtype()));
  const auto logits = at::linear(hidden, model.head().weight) / kTemperature;
  const auto logprobs = at::log_softmax(logits, -1);
  std::vector<double> values;
  for (std::size_t t = sample.prompt_ids.size(); t < tokens.size(); ++t)
    values.push_back(logprobs[static_cast<std::int64_t>(t) - 1][tokens[t]].item<double>());
  return values;
}

TEST(Pass, LogprobsAreThoseOfEachSampleAlone) {
  const at::NoGradGuard no_grad;
  const auto model = toy_model();
  const auto samples = toy_samples(5);
  for (const bool share_prefix : {true, false}) {
    const std::vector<std::int64_t> indices{0, 1, 3, 4};
    const Pass pass(*model, samples, indices, share_prefix);
    const auto found = pass.logprobs(kTemperature, false, 0).logprobs;
    ASSERT_EQ(found.size(0), pass.lengths().sum().item<std::int64_t>());
    for (const auto& range : pass.batch().samples) {
      const auto expected = alone(*model, samples[static_cast<std::size_t>(range.sample)]);
      ASSERT_EQ(range.end - range.begin, static_cast<std::int64_t>(expected.size()));
      for (auto row = range.begin; row < range.end; ++row)
        EXPECT_NEAR(found[row].item<double>(),
                    expected[static_cast<std::size_t>(row - range.begin)], kRounding);
    }
  }
}

TEST(Pass, ValuesAreALinearLayerOfTheHiddenStates) {
  const at::NoGradGuard no_grad;
  const auto model = toy_model();
  const auto samples = toy_samples(2);
  const std::vector<std::int64_t> indices{0, 1};
  const Pass pass(*model, samples, indices, true);
  const ValueHead head{at::full({1, 16}, 0.5, at::kDouble), at::full({1}, 2.0, at::kDouble)};
  EXPECT_LT(test::max_difference(pass.values(head), pass.hidden().sum(1) * 0.5 + 2.0), kRounding);
}

TEST(ScoreSamples, HowTheWorkIsCutChangesNothing) {
  const auto model = toy_model();
  const auto samples = toy_samples(7);
  const ValueHead head{at::full({1, 16}, 0.5, at::kDouble), at::full({1}, 2.0, at::kDouble)};
  for (const std::int64_t tokens : {6, 20, 1000}) {
    const auto scores =
        score_samples(*model, samples, {kTemperature, tokens, 3, tokens > 6}, &head);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const auto expected = alone(*model, samples[i]);
      ASSERT_EQ(scores.logprobs[i].size(), expected.size());
      ASSERT_EQ(scores.values[i].size(), expected.size());
      for (std::size_t t = 0; t < expected.size(); ++t)
        EXPECT_NEAR(scores.logprobs[i][t], expected[t], kRounding) << "sample " << i;
    }
  }
  EXPECT_TRUE(score_samples(*model, samples, {}).values.empty());
}

}  // namespace
}  // namespace r1::training
