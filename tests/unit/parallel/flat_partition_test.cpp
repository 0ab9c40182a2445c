// Which part of parameters each rank owns: every element once, equally much each.
#include "parallel/flat_partition.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace r1::parallel {
namespace {

std::vector<at::Tensor> partitioned_parameters() {
  return {at::empty({1}), at::empty({3, 5}), at::empty({7}), at::empty({64, 3}), at::empty({2, 2})};
}

TEST(FlatPartition, RanksOwnEveryElementOnceAndEquallyMuch) {
  const auto all = partitioned_parameters();
  for (const int owners : {1, 2, 3, 8})
    for (const std::int64_t bucket_bytes : {4, 80, 100000}) {
      std::vector<at::Tensor> counts;
      for (const auto& parameter : all) counts.push_back(at::zeros({parameter.numel()}, at::kLong));
      for (int owner = 0; owner < owners; ++owner) {
        const FlatPartition partition(all, bucket_bytes, 4, owners, owner);
        auto used = at::zeros({partition.owned_size()}, at::kLong);
        EXPECT_EQ(partition.owned_size() * owners, partition.size());
        for (const auto& range : partition.owned()) {
          counts[range.parameter].narrow(0, range.begin, range.size) += 1;
          used.narrow(0, range.offset, range.size) += 1;
        }
        EXPECT_LE(used.max().item<std::int64_t>(), 1) << "ranges lie over each other";
      }
      for (const auto& count : counts) EXPECT_TRUE(count.eq(1).all().item<bool>());
    }
}

TEST(FlatPartition, OneOwnerHasNoPadding) {
  const auto all = partitioned_parameters();
  const FlatPartition partition(all, 80, 4, 1, 0);
  EXPECT_EQ(partition.size(), 1 + 15 + 7 + 192 + 4);
  ASSERT_EQ(partition.owned().size(), all.size());
  EXPECT_EQ(partition.owned()[3].begin, 0);
  EXPECT_EQ(partition.owned()[3].size, 192);
}

TEST(FlatPartition, BucketsAreFilledFromTheEndUpToTheirSize) {
  const auto all = partitioned_parameters();
  const FlatPartition partition(all, 80, 4, 1, 0);  // 20 elements
  const auto& buckets = partition.buckets();
  ASSERT_EQ(buckets.size(), 4u);
  EXPECT_EQ(buckets[0].first_parameter, 4u);
  EXPECT_EQ(buckets[1].first_parameter, 3u) << "larger than a bucket: alone";
  EXPECT_EQ(buckets[2].first_parameter, 2u);
  EXPECT_EQ(buckets[3].first_parameter, 0u);
  EXPECT_EQ(buckets[3].num_parameters, 2u);
}

TEST(FlatPartition, BucketsHoldOneDtype) {
  auto all = partitioned_parameters();
  all[2] = all[2].to(at::kBFloat16);
  const FlatPartition partition(all, 100000, 4, 2, 0);
  EXPECT_EQ(partition.buckets().size(), 3u);
}

}  // namespace
}  // namespace r1::parallel
