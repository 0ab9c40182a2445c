#include "metrics/pass_at_k.h"

#include <gtest/gtest.h>

namespace r1::metrics {
namespace {

constexpr double kExact = 1e-12;

QuestionResult question(int right, int samples, bool majority = false) {
  QuestionResult out;
  for (int i = 0; i < samples; ++i) out.samples.push_back({i < right, i == 0, 10});
  out.majority_right = majority;
  return out;
}

/// The share of all choices of k of n samples that hold a right one, by listing them.
double by_listing(int n, int c, int k) {
  int all = 0;
  int hit = 0;
  for (unsigned mask = 0; mask < (1U << n); ++mask) {
    if (__builtin_popcount(mask) != k) continue;
    ++all;
    hit += (mask & ((1U << c) - 1U)) != 0 ? 1 : 0;
  }
  return static_cast<double>(hit) / all;
}

}  // namespace

TEST(PassAtK, IsTheShareOfChoicesThatHoldARightSample) {
  for (int n = 1; n <= 9; ++n)
    for (int c = 0; c <= n; ++c)
      for (int k = 1; k <= n; ++k)
        EXPECT_NEAR(pass_at_k(n, c, k), by_listing(n, c, k), kExact) << n << ' ' << c << ' ' << k;
}

TEST(Benchmark, AveragesOverQuestionsAndNotOverSamples) {
  const auto score = score_benchmark({question(4, 4, true), question(0, 1), question(1, 4)});
  EXPECT_NEAR(score.pass_at_1, (1.0 + 0.0 + 0.25) / 3.0, kExact);
  EXPECT_NEAR(score.majority, 1.0 / 3.0, kExact);
  EXPECT_EQ(score.num_problems, 3);
  EXPECT_EQ(score.num_samples, 9);
  EXPECT_NEAR(score.truncated_share, 3.0 / 9.0, kExact);
  EXPECT_NEAR(score.mean_tokens, 10.0, kExact);
  EXPECT_EQ(score.pass_at.size(), 1u);  // a question has one sample
}

TEST(Benchmark, PassAtKGrowsWithK) {
  const auto score = score_benchmark({question(1, 8), question(4, 8)});
  ASSERT_EQ(score.pass_at.size(), 4u);
  EXPECT_NEAR(score.pass_at.at(1), score.pass_at_1, kExact);
  EXPECT_NEAR(score.pass_at.at(2), (by_listing(8, 1, 2) + by_listing(8, 4, 2)) / 2, kExact);
  EXPECT_EQ(score.pass_at.at(8), 1.0);
}

TEST(Benchmark, IntervalsAreNeverEmptyAndShrink) {
  const auto sure = score_benchmark({question(4, 4), question(4, 4)});
  EXPECT_LT(sure.interval.low, 0.5);  // two questions say little
  EXPECT_EQ(sure.interval.high, 1.0);
  // Wilson's interval of 8 of 10, known values.
  EXPECT_NEAR(wilson_interval(0.8, 10).low, 0.4902, 1e-4);
  EXPECT_NEAR(wilson_interval(0.8, 10).high, 0.9433, 1e-4);
  std::vector<QuestionResult> few;
  std::vector<QuestionResult> many;
  for (int i = 0; i < 400; ++i) (i < 40 ? few : many).push_back(question(i % 3, 4));
  const auto a = score_benchmark(few).interval;
  const auto b = score_benchmark(many).interval;
  EXPECT_LT(b.high - b.low, 0.4 * (a.high - a.low));
  EXPECT_EQ(score_benchmark({}).num_problems, 0);
}

}  // namespace r1::metrics
