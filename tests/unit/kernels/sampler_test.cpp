// The sampler: CPU kernel against the plain form, and frequencies against softmax.
#include "kernels/sampling.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace r1::kernels {
namespace {

at::Tensor random_logits(std::int64_t rows, std::int64_t vocab, at::ScalarType dtype) {
  at::manual_seed(3);
  return (at::randn({rows, vocab}, at::kDouble) * 2.5).to(dtype);
}

std::vector<SampleRequest> draws(std::int64_t rows, SampleRequest request) {
  std::vector<SampleRequest> requests;
  for (std::int64_t row = 0; row < rows; ++row) {
    request.uniform = base::uniform(11, static_cast<std::uint64_t>(row));
    requests.push_back(request);
  }
  return requests;
}

class Sampler : public ::testing::TestWithParam<at::ScalarType> {};

TEST_P(Sampler, EqualsPlainForm) {
  const double kLogprob = GetParam() == at::kDouble ? 1e-12 : 2e-5;
  constexpr std::int64_t kRows = 200, kVocab = 1000;
  const auto logits = random_logits(kRows, kVocab, GetParam());
  for (const SampleRequest& request :
       {SampleRequest{.temperature = 1.0}, SampleRequest{.temperature = 0.7, .top_p = 0.9},
        SampleRequest{.temperature = 1.3, .top_k = 40}, SampleRequest{.temperature = 0.0},
        SampleRequest{.temperature = 1.0, .top_p = 0.5, .top_k = 7}}) {
    const auto requests = draws(kRows, request);
    const auto found = sample(logits, requests);
    const auto expected = sample_reference(logits, requests);
    std::size_t others = 0;
    for (std::size_t row = 0; row < requests.size(); ++row) {
      // A uniform number within rounding of a boundary may fall to either side of it.
      if (found[row].token != expected[row].token) {
        ++others;
        continue;
      }
      EXPECT_NEAR(found[row].logprob, expected[row].logprob, kLogprob);
    }
    EXPECT_LE(others, GetParam() == at::kDouble ? 0u : 2u);
  }
}

INSTANTIATE_TEST_SUITE_P(Dtypes, Sampler, ::testing::Values(at::kDouble, at::kFloat, at::kBFloat16),
                         [](const auto& info) { return c10::toString(info.param); });

/// Sum of (observed - expected)^2 / expected over tokens that are expected at least 5 times.
double chi_square(const std::vector<double>& observed, const at::Tensor& probabilities,
                  double num_draws, std::int64_t& degrees) {
  double sum = 0.0;
  degrees = -1;
  const auto* p = probabilities.const_data_ptr<double>();
  for (std::size_t token = 0; token < observed.size(); ++token) {
    const double expected = num_draws * p[token];
    if (expected < 5.0) continue;
    sum += (observed[token] - expected) * (observed[token] - expected) / expected;
    ++degrees;
  }
  return sum;
}

TEST(SamplerFrequencies, FollowSoftmax) {
  constexpr std::int64_t kVocab = 40, kDraws = 20000;
  constexpr double kDeviations = 4.0;  // of a chi-square around its mean; seeds are fixed
  for (const double temperature : {0.7, 1.0, 1.5}) {
    const auto row = random_logits(1, kVocab, at::kFloat);
    const auto logits = row.expand({kDraws, kVocab}).contiguous();
    std::vector<double> observed(kVocab, 0.0);
    for (const auto& token : sample(logits, draws(kDraws, {.temperature = temperature})))
      observed[static_cast<std::size_t>(token.token)] += 1.0;
    const auto probabilities = at::softmax(row[0].to(at::kDouble) / temperature, -1);
    std::int64_t degrees = 0;
    const double statistic = chi_square(observed, probabilities, kDraws, degrees);
    ASSERT_GT(degrees, 10);
    const auto mean = static_cast<double>(degrees);
    EXPECT_LT(std::abs(statistic - mean), kDeviations * std::sqrt(2.0 * mean)) << temperature;
  }
}

TEST(SamplerRows, DoNotDependOnEachOther) {
  const auto logits = random_logits(9, 300, at::kFloat);
  const auto requests = draws(9, {.temperature = 0.8, .top_p = 0.9});
  const auto together = sample(logits, requests);
  for (std::size_t row = 0; row < requests.size(); ++row) {
    const auto alone =
        sample(logits.narrow(0, static_cast<std::int64_t>(row), 1), {&requests[row], 1});
    EXPECT_EQ(alone[0].token, together[row].token);
    EXPECT_EQ(alone[0].logprob, together[row].logprob);
  }
}

}  // namespace
}  // namespace r1::kernels
