// Latent attention: the absorbed form over the paged cache against the expanded form, token by
// token.
#include "nn/mla.h"

#include "unit/nn/reference.h"

namespace r1::nn {
namespace {

using test::random_tensor;

struct LatentCase {
  std::int64_t heads, latent, nope, rope, value, query_rank;
  bool bias, interleaved;
};

class LatentAttentionForms
    : public ::testing::TestWithParam<std::tuple<LatentCase, at::ScalarType>> {};

constexpr std::int64_t kHidden = 24;

LatentAttention random_layer(const LatentCase& c, at::ScalarType dtype) {
  std::uint64_t seed = 10;
  const auto make = [&](at::IntArrayRef shape) {
    return random_tensor(shape, dtype, ++seed) * 0.3;
  };
  const auto linear = [&](std::int64_t out, std::int64_t in) {
    return Linear{make({out, in}), c.bias ? make({out}) : at::Tensor()};
  };
  LatentAttention w;
  w.dims = {c.heads, c.latent, c.nope, c.rope, c.value};
  w.interleaved = c.interleaved;
  w.scale = 0.21;
  if (c.query_rank > 0) {
    w.query_down = linear(c.query_rank, kHidden);
    w.query_norm = make({c.query_rank}) + 1;
  }
  w.query_up = make({c.heads * (c.nope + c.rope), c.query_rank > 0 ? c.query_rank : kHidden});
  w.latent_down = linear(c.latent + c.rope, kHidden);
  w.latent_norm = make({c.latent}) + 1;
  w.latent_up = make({c.heads * (c.nope + c.value), c.latent});
  w.output = linear(kHidden, c.heads * c.value);
  return w;
}

TEST_P(LatentAttentionForms, AbsorbedEqualsExpanded) {
  const auto [c, dtype] = GetParam();
  constexpr std::int64_t kTokens = 11, kBlockSize = 4;
  const auto w = random_layer(c, dtype);
  const auto x = random_tensor({kTokens, kHidden}, dtype, 3);
  const auto frequencies = at::tensor(rope_inverse_frequencies(RopeConfig(), c.rope), at::kDouble);
  const auto rope_of = [&](const at::Tensor& positions) {
    return make_rope_table(positions, frequencies, dtype, 1.1);
  };
  const at::NoGradGuard no_grad;
  const auto whole = latent_attention(
      w, x, rope_of(at::arange(kTokens)),
      {make_packed_attention({{0, kTokens, -1}}, dtype, at::kCPU), nullptr, {}}, 0);
  KvCache cache{
      {at::zeros({3, 1, kBlockSize, c.latent + c.rope}, x.options())}, {}, kBlockSize, true};
  cache.values.push_back(cache.keys[0].narrow(3, 0, c.latent));
  const auto table = at::tensor({2, 0, 1}, at::kInt).view({1, 3});
  for (std::int64_t t = 0; t < kTokens; ++t) {
    const kernels::CachePlaces slots{
        table[0].slice(0, t / kBlockSize, t / kBlockSize + 1).to(at::kLong),
        at::tensor({t % kBlockSize}, at::kLong)};
    const kernels::PagedAttention paged{
        table, at::tensor({static_cast<std::int32_t>(t + 1)}, at::kInt), {}, {}};
    const auto found = latent_attention(w, x.narrow(0, t, 1), rope_of(at::arange(t, t + 1)),
                                        {paged, &cache, slots}, 0);
    const double tolerance = 2 * test::tolerance(dtype);  // two orders of three products
    EXPECT_LT(test::relative_difference(found, whole.narrow(0, t, 1)), tolerance) << "token " << t;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, LatentAttentionForms,
    ::testing::Combine(::testing::Values(LatentCase{4, 16, 12, 8, 20, 10, false, true},
                                         LatentCase{3, 8, 4, 6, 4, 0, true, false},
                                         LatentCase{1, 12, 16, 4, 10, 6, true, true}),
                       ::testing::Values(at::kDouble, at::kFloat)));

}  // namespace
}  // namespace r1::nn
