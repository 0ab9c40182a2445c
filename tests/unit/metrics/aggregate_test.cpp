#include "metrics/aggregate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/errors.h"

namespace r1::metrics {
namespace {

constexpr double kRounding = 1e-12;

std::map<std::string, double> by_name(const Aggregate& aggregate) {
  const auto values = aggregate.values();
  return {values.begin(), values.end()};
}

Aggregate rank_with(const std::vector<double>& rewards) {
  Aggregate aggregate;
  aggregate.declare_mean("kl_token");
  aggregate.declare_spread("reward");
  aggregate.declare_max("longest");
  aggregate.declare_min("shortest");
  for (const double reward : rewards) {
    aggregate.add_mean("kl_token", reward, 10 * reward);
    aggregate.add_spread("reward", reward);
    aggregate.add_max("longest", 100 * reward);
    aggregate.add_min("shortest", 100 * reward);
  }
  return aggregate;
}

/// What a communicator does: elementwise over the ranks' vectors.
Aggregate reduced(const std::vector<Aggregate>& ranks) {
  auto sums = ranks[0].sums(), maxima = ranks[0].maxima();
  for (std::size_t rank = 1; rank < ranks.size(); ++rank) {
    const auto s = ranks[rank].sums(), m = ranks[rank].maxima();
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += s[i];
    for (std::size_t i = 0; i < maxima.size(); ++i) maxima[i] = std::max(maxima[i], m[i]);
  }
  Aggregate result = ranks[0];
  result.set_reduced(sums, maxima);
  return result;
}

}  // namespace

TEST(Aggregate, UnevenRanksGiveTheGlobalStatistics) {
  const auto whole = by_name(rank_with({1, 2, 3, 4}));
  const auto split = by_name(reduced({rank_with({}), rank_with({1, 2, 3}), rank_with({4})}));
  ASSERT_EQ(whole.size(), split.size());
  for (const auto& [name, value] : whole) EXPECT_NEAR(split.at(name), value, kRounding) << name;
  EXPECT_NEAR(split.at("kl_token"), 3.0, kRounding);
  EXPECT_NEAR(split.at("reward_mean"), 2.5, kRounding);
  EXPECT_NEAR(split.at("reward_std"), std::sqrt(1.25), kRounding);
  EXPECT_EQ(split.at("longest"), 400);
  EXPECT_EQ(split.at("shortest"), 100);
}

TEST(Aggregate, MergeEqualsReduction) {
  Aggregate merged = rank_with({1, 2});
  merged.merge(rank_with({5}));
  EXPECT_EQ(by_name(merged), by_name(reduced({rank_with({1, 2}), rank_with({5})})));
}

TEST(Aggregate, NothingCountedIsNotANumber) {
  for (const auto& [name, value] : rank_with({}).values()) EXPECT_TRUE(std::isnan(value)) << name;
}

TEST(Aggregate, OtherNamesOnARankAreFound) {
  Aggregate a, b;
  a.add_mean("one", 1);
  b.add_mean("two", 1);
  EXPECT_THROW(reduced({a, b}), base::InternalError);
}

}  // namespace r1::metrics
