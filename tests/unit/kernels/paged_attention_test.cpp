// Paged attention on the CPU against its plain reference: grouped heads, ragged lengths, blocks in
// any order.
#include "kernels/paged_attention.h"

#include "unit/nn/reference.h"

namespace r1::kernels {
namespace {

using test::random_tensor;

class PagedAttentionKernel : public ::testing::TestWithParam<at::ScalarType> {};

TEST_P(PagedAttentionKernel, EqualsReference) {
  constexpr std::int64_t kHeads = 6, kHeadDim = 12, kBlocks = 24;
  const double scale = 1.0 / std::sqrt(static_cast<double>(kHeadDim));
  for (const std::int64_t kv_heads : {1, 2, 6}) {
    for (const std::int64_t block_size : {1, 4, 16}) {
      const std::vector<std::int32_t> lengths{
          1, static_cast<std::int32_t>(block_size), static_cast<std::int32_t>(3 * block_size),
          static_cast<std::int32_t>(6 * block_size - 1) / 2 + 1};
      const auto rows = static_cast<std::int64_t>(lengths.size());
      const auto order = at::randperm(kBlocks, at::kLong).to(at::kInt);
      const PagedAttention paged{
          order.view({rows, 6}).contiguous(), at::tensor(lengths, at::kInt), {}, {}};
      const auto query = random_tensor({rows, kHeads, kHeadDim}, GetParam(), 1);
      const auto keys = random_tensor({kBlocks, kv_heads, block_size, kHeadDim}, GetParam(), 2);
      const auto values = random_tensor({kBlocks, kv_heads, block_size, kHeadDim}, GetParam(), 3);
      const auto found = paged_attention_cpu(query, keys, values, paged, scale);
      const auto expected = paged_attention_reference(query, keys, values, paged, scale);
      EXPECT_LT(test::relative_difference(found, expected), test::tolerance(GetParam()))
          << kv_heads << " kv heads, blocks of " << block_size;
    }
  }
}

TEST_P(PagedAttentionKernel, IgnoresWhatLiesBehindTheContext) {
  const PagedAttention paged{
      at::tensor({1, 0}, at::kInt).view({1, 2}), at::tensor({5}, at::kInt), {}, {}};
  const auto query = random_tensor({1, 2, 8}, GetParam(), 4);
  auto keys = random_tensor({2, 1, 4, 8}, GetParam(), 5);
  auto values = random_tensor({2, 1, 4, 8}, GetParam(), 6);
  const auto before = paged_attention_cpu(query, keys, values, paged, 0.3);
  keys[0].slice(1, 1).fill_(1e4);
  values[0].slice(1, 1).fill_(1e4);
  EXPECT_TRUE(at::equal(paged_attention_cpu(query, keys, values, paged, 0.3), before));
}

TEST_P(PagedAttentionKernel, ValuesMayBeColumnsOfTheKeys) {
  const PagedAttention paged{
      at::tensor({1, 0, 2, 3}, at::kInt).view({2, 2}), at::tensor({7, 3}, at::kInt), {}, {}};
  const auto query = random_tensor({2, 6, 20}, GetParam(), 7);
  const auto keys = random_tensor({4, 1, 4, 20}, GetParam(), 8);
  const auto values = keys.narrow(3, 0, 12);
  const auto found = paged_attention_cpu(query, keys, values, paged, 0.3);
  ASSERT_EQ(found.sizes(), at::IntArrayRef({2, 6, 12}));
  EXPECT_TRUE(at::equal(found, paged_attention_cpu(query, keys, values.contiguous(), paged, 0.3)));
  EXPECT_LT(
      test::relative_difference(found, paged_attention_reference(query, keys, values, paged, 0.3)),
      test::tolerance(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Dtypes, PagedAttentionKernel,
                         ::testing::Values(at::kDouble, at::kFloat, at::kBFloat16),
                         [](const auto& info) { return c10::toString(info.param); });

}  // namespace
}  // namespace r1::kernels
