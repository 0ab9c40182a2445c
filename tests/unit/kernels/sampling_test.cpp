// The CPU sampler of one row: which tokens top-k and top-p keep, greedy, ties, the inverse CDF.
#include "kernels/cpu_sampling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace r1::kernels {
namespace {

/// Tokens that a fine grid of uniform numbers reaches.
std::set<std::int64_t> reachable(const std::vector<double>& logits, SampleRequest request) {
  constexpr int kGrid = 4000;
  SampleScratch<double> scratch;
  std::set<std::int64_t> tokens;
  for (int i = 0; i < kGrid; ++i) {
    request.uniform = (i + 0.5) / kGrid;
    tokens.insert(
        sample_row(logits.data(), static_cast<std::int64_t>(logits.size()), request, scratch)
            .token);
  }
  return tokens;
}

/// Logits with the given probabilities.
std::vector<double> logits_of(const std::vector<double>& probabilities) {
  std::vector<double> logits;
  for (const double p : probabilities) logits.push_back(std::log(p) + 3.0);
  return logits;
}

const std::vector<double> kProbabilities{0.05, 0.4, 0.1, 0.3, 0.15};

TEST(SampleRow, TopKKeepsTheLikeliest) {
  const auto logits = logits_of(kProbabilities);
  EXPECT_EQ(reachable(logits, {.top_k = 1}), (std::set<std::int64_t>{1}));
  EXPECT_EQ(reachable(logits, {.top_k = 3}), (std::set<std::int64_t>{1, 3, 4}));
  EXPECT_EQ(reachable(logits, {.top_k = 99}), (std::set<std::int64_t>{0, 1, 2, 3, 4}));
}

TEST(SampleRow, TopPKeepsTheSmallestSetThatReachesIt) {
  const auto logits = logits_of(kProbabilities);
  EXPECT_EQ(reachable(logits, {.top_p = 0.3}), (std::set<std::int64_t>{1}));
  EXPECT_EQ(reachable(logits, {.top_p = 0.65}), (std::set<std::int64_t>{1, 3}));
  EXPECT_EQ(reachable(logits, {.top_p = 0.75}), (std::set<std::int64_t>{1, 3, 4}));
  EXPECT_EQ(reachable(logits, {.top_p = 0.999}), (std::set<std::int64_t>{0, 1, 2, 3, 4}));
}

TEST(SampleRow, TopPLooksAtWhatTopKLeft) {
  // The three likeliest are 0.85 of the mass; 0.8 of that is reached by two of them.
  const auto logits = logits_of(kProbabilities);
  EXPECT_EQ(reachable(logits, {.top_p = 0.8, .top_k = 3}), (std::set<std::int64_t>{1, 3}));
  EXPECT_EQ(reachable(logits, {.top_p = 0.9, .top_k = 3}), (std::set<std::int64_t>{1, 3, 4}));
}

TEST(SampleRow, TemperatureActsBeforeTopP) {
  // At T = 2 the probabilities are proportional to their square roots: the likeliest has 0.30.
  EXPECT_EQ(reachable(logits_of(kProbabilities), {.temperature = 2.0, .top_p = 0.35}),
            (std::set<std::int64_t>{1, 3}));
}

TEST(SampleRow, TiesGoToTheLowerToken) {
  const std::vector<double> flat(5, 1.0);
  EXPECT_EQ(reachable(flat, {.top_k = 2}), (std::set<std::int64_t>{0, 1}));
  SampleScratch<double> scratch;
  EXPECT_EQ(sample_row(flat.data(), 5, {.temperature = 0.0}, scratch).token, 0);
}

TEST(SampleRow, ReportsFullVocabularyLogprobAndKeptMass) {
  constexpr double kRounding = 1e-12;
  const auto logits = logits_of(kProbabilities);
  SampleScratch<double> scratch;
  const auto drawn = sample_row(logits.data(), 5, {.top_k = 2, .uniform = 0.9}, scratch);
  EXPECT_EQ(drawn.token, 3);
  EXPECT_NEAR(drawn.logprob, std::log(0.3), kRounding);
  EXPECT_NEAR(drawn.kept_mass, 0.7, kRounding);
  const auto greedy = sample_row(logits.data(), 5, {.temperature = 0.0}, scratch);
  EXPECT_EQ(greedy.token, 1);
  EXPECT_NEAR(greedy.logprob, std::log(0.4), kRounding);
}

TEST(SampleRow, InverseCdfRunsInTokenOrderOverManyBlocks) {
  // 1000 equal tokens: u falls into token floor(1000 u), whatever block of sums it lies in.
  const std::vector<double> flat(1000, -2.0);
  SampleScratch<double> scratch;
  for (const double u : {0.0, 0.0005, 0.2565, 0.5115, 0.7685, 0.9995})
    EXPECT_EQ(sample_row(flat.data(), 1000, {.uniform = u}, scratch).token,
              static_cast<std::int64_t>(u * 1000));
}

}  // namespace
}  // namespace r1::kernels
