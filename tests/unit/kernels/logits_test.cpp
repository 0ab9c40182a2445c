// Logits of bfloat16 weights keep the digits of their likeliest entries.
#include "kernels/logits.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace r1::kernels {
namespace {

constexpr double kFp32Sum = 1e-4;  // fp32 sums of 64 products of size 1, in another order

at::Tensor normal(at::IntArrayRef shape, std::uint64_t seed, double scale) {
  at::Tensor values = at::empty(shape, at::kDouble);
  auto* data = values.data_ptr<double>();
  for (std::int64_t i = 0; i < values.numel(); ++i)
    data[i] = scale * base::normal(seed, static_cast<std::uint64_t>(i));
  return values.to(at::kBFloat16);
}

at::Tensor exact(const at::Tensor& hidden, const at::Tensor& weight) {
  return at::mm(hidden.to(at::kDouble), weight.to(at::kDouble).t());
}

TEST(Logits, LikelyEntriesOfBf16HaveFp32Digits) {
  const at::Tensor hidden = normal({5, 64}, 1, 2.0), weight = normal({3000, 64}, 2, 1.0);
  const at::Tensor expected = exact(hidden, weight);

  const at::Tensor found = form_logits(hidden, weight);

  ASSERT_EQ(found.scalar_type(), at::kFloat);
  const at::Tensor likely = expected > expected.amax(1, true) - 9.0;
  const at::Tensor error = (found - expected).abs().masked_fill(~likely, 0.0);
  EXPECT_LT(error.max().item<double>(), kFp32Sum);
  const at::Tensor rounded = at::mm(hidden, weight.t());
  EXPECT_GT((rounded - expected).abs().masked_fill(~likely, 0.0).max().item<double>(), 0.02)
      << "the rounded product is exact as it is: the test shows nothing";
}

TEST(Logits, FlatRowsAreTheRoundedProduct) {
  const at::Tensor hidden = normal({3, 64}, 3, 1e-3), weight = normal({3000, 64}, 4, 1.0);

  const at::Tensor found = form_logits(hidden, weight);

  EXPECT_TRUE(found.equal(at::mm(hidden, weight.t()).to(at::kFloat)));
}

TEST(Logits, OtherDtypesAreTheProduct) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const at::Tensor hidden = normal({4, 64}, 5, 1.0).to(dtype);
    const at::Tensor weight = normal({300, 64}, 6, 1.0).to(dtype);
    EXPECT_TRUE(form_logits(hidden, weight).equal(at::mm(hidden, weight.t())));
  }
}

}  // namespace
}  // namespace r1::kernels
