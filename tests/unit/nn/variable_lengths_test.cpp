// One call of flash attention for a packed batch: its description against masks, and, where there
// is a GPU, the kernel against plain attention.
#include <algorithm>

#include "base/errors.h"
#include "kernels/cuda_library.h"
#include "nn/attention.h"
#include "tensor/dtype.h"
#include "unit/nn/reference.h"

namespace r1::nn {
namespace {

using kernels::packed_attention;
using test::random_tensor;
using test::Tensors;

constexpr std::int64_t kHeads = 6, kKvHeads = 2, kPackedTokens = 29;
constexpr double kScale = 0.4;

/// A group of three, a sequence, a prefix of one token with one continuation, a token.
std::vector<Segment> segments() {
  return {{0, 5, -1},  {5, 3, 0},   {8, 2, 0},  {10, 1, 0},
          {11, 9, -1}, {20, 1, -1}, {21, 7, 5}, {28, 1, -1}};
}

Tensors inputs(std::int64_t key_width, std::int64_t value_width, at::ScalarType dtype) {
  return {random_tensor({kPackedTokens, kHeads, key_width}, dtype, 1),
          random_tensor({kPackedTokens, kKvHeads, key_width}, dtype, 2),
          random_tensor({kPackedTokens, kKvHeads, value_width}, dtype, 3)};
}

/// What VariableLengths promises, query by query.
at::Tensor attention_by_definition(const at::Tensor& query, const at::Tensor& key,
                                   const at::Tensor& value,
                                   const kernels::PackedAttention& packed) {
  const auto ends = packed.lengths->query_ends, key_ends = packed.lengths->key_ends;
  const auto rows =
      packed.key_rows.defined() ? packed.key_rows : at::arange(query.size(0), at::kLong);
  const auto repeated = [&](const at::Tensor& x) {
    return x.index_select(0, rows).repeat_interleave(kHeads / kKvHeads, 1);
  };
  const auto keys = repeated(key), values = repeated(value);
  std::vector<at::Tensor> outputs;
  for (std::int64_t s = 0; s + 1 < ends.size(0); ++s) {
    const auto begin = ends[s].item<std::int64_t>(), end = ends[s + 1].item<std::int64_t>();
    const auto first = key_ends[s].item<std::int64_t>(),
               last = key_ends[s + 1].item<std::int64_t>();
    for (auto q = begin; q < end; ++q) {
      const auto count = last - first - (end - 1 - q);  // its own key is the last it sees
      const auto shares = at::softmax(
          at::einsum("hd,khd->hk", {query[q], keys.narrow(0, first, count)}) * kScale, 1);
      outputs.push_back(at::einsum("hk,khd->hd", {shares, values.narrow(0, first, count)}));
    }
  }
  return at::stack(outputs);
}

TEST(VariableLengths, DescribeTheBatchThatMasksDescribe) {
  const auto packed = make_variable_lengths(segments(), at::kCPU);
  EXPECT_EQ(packed.lengths->longest_query, 9);
  EXPECT_EQ(packed.lengths->longest_keys, 9);
  const auto masked = make_packed_attention(segments(), at::kDouble, at::kCPU);
  ASSERT_FALSE(masked.lengths);
  const auto given = inputs(8, 8, at::kDouble);
  const auto found = attention_by_definition(given[0], given[1], given[2], packed);
  const auto expected = packed_attention(given[0], given[1], given[2], masked, kScale);
  EXPECT_LT(test::relative_difference(found, expected), test::tolerance(at::kDouble));
}

TEST(VariableLengths, SequencesAloneNeedNoCopies) {
  const auto packed = make_variable_lengths({{0, 3, -1}, {3, 4, -1}}, at::kCPU);
  EXPECT_FALSE(packed.key_rows.defined());
  EXPECT_TRUE(at::equal(packed.lengths->key_ends, at::tensor({0, 3, 7}, at::kInt)));
}

/// Of three sequences of 9, 5 and 6 tokens: the last 5, all, and the last one.
const std::vector<ContinuedSegment> kContinued{{5, 4}, {5, 0}, {1, 5}};

at::Tensor rows_of_pieces(const at::Tensor& x) {
  return at::cat({x.slice(0, 4, 14), x.slice(0, 19, 20)});
}

TEST(ContinuedAttention, SeesTheCachedTokensBeforeEachPiece) {
  const auto whole =
      make_packed_attention({{0, 9, -1}, {9, 5, -1}, {14, 6, -1}}, at::kDouble, at::kCPU);
  const auto pieces = make_continued_attention(kContinued, {}, at::kDouble, at::kCPU);
  auto given = inputs(8, 8, at::kDouble);
  for (auto& x : given) x = x.slice(0, 0, 20);
  const auto expected = packed_attention(given[0], given[1], given[2], whole, kScale);
  const auto found = packed_attention(rows_of_pieces(given[0]), given[1], given[2], pieces, kScale);
  EXPECT_LT(test::relative_difference(found, rows_of_pieces(expected)),
            test::tolerance(at::kDouble));
}

TEST(ContinuedAttention, FlashAttentionOnAGpuEqualsMasks) {
  at::Device device(at::kCPU);
  try {
    device = kernels::open_device("cuda", 0);
  } catch (const base::Error& error) {
    GTEST_SKIP() << error.what();
  }
  const auto pieces = make_continued_attention(kContinued, {}, at::kBFloat16, device);
  ASSERT_TRUE(pieces.lengths);
  const auto masked = make_continued_attention(kContinued, {}, at::kFloat, at::kCPU);
  for (const auto& [key_width, value_width] : {std::pair{64, 64}, {12, 12}, {24, 16}}) {
    auto given = inputs(key_width, value_width, at::kBFloat16);
    for (auto& x : given) x = x.slice(0, 0, 20);
    given[0] = rows_of_pieces(given[0]);
    const auto found = packed_attention(given[0].to(device), given[1].to(device),
                                        given[2].to(device), pieces, kScale);
    const auto expected = packed_attention(given[0].to(at::kFloat), given[1].to(at::kFloat),
                                           given[2].to(at::kFloat), masked, kScale);
    EXPECT_LT(test::relative_difference(found.cpu(), expected), test::tolerance(at::kBFloat16));
  }
}

// Torch decides once whether there are GPUs, at its first use: start this one alone,
// --gtest_filter='*Gpu*'.
TEST(VariableLengths, FlashAttentionOnAGpuEqualsMasks) {
  at::Device device(at::kCPU);
  try {
    device = kernels::open_device("cuda", 0);
  } catch (const base::Error& error) {
    GTEST_SKIP() << error.what();
  }
  const auto packed = make_packed_attention(segments(), at::kBFloat16, device);
  ASSERT_TRUE(packed.lengths);
  ASSERT_TRUE(packed.runs.empty());
  const auto masked = make_packed_attention(segments(), at::kFloat, at::kCPU);
  for (const auto& [key_width, value_width] : {std::pair{64, 64}, {12, 12}, {24, 16}}) {
    const auto on_gpu = [&](const Tensors& in) {
      return Tensors{
          packed_attention(in[0].to(device), in[1].to(device), in[2].to(device), packed, kScale)
              .cpu()};
    };
    const auto plain = [&](const Tensors& in) {
      return Tensors{packed_attention(in[0].to(at::kFloat), in[1].to(at::kFloat),
                                      in[2].to(at::kFloat), masked, kScale)
                         .to(at::kBFloat16)};
    };
    test::expect_equal_with_gradients(on_gpu, plain, inputs(key_width, value_width, at::kBFloat16),
                                      at::kBFloat16);
  }
}

}  // namespace
}  // namespace r1::nn
