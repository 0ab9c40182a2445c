#pragma once
// Compares a fused CPU kernel with its plain ATen reference: values and, by autograd, gradients.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace r1::test {

using Tensors = std::vector<at::Tensor>;
using Function = std::function<Tensors(const Tensors&)>;

/// Largest |a - b| relative to the largest |b|: fp64 agrees to rounding, fp32 to a few ulp of sums
/// of this length, bf16 (8 bits) to about two roundings of results of this size.
inline double tolerance(at::ScalarType dtype) {
  if (dtype == at::kDouble) return 1e-13;
  return dtype == at::kFloat ? 2e-6 : 1.6e-2;
}

inline double relative_difference(const at::Tensor& a, const at::Tensor& b) {
  const auto wide = b.to(at::kDouble);
  return ((a.to(at::kDouble) - wide).abs().max() / wide.abs().max().clamp_min(1e-30))
      .item<double>();
}

/// Outputs of `function` and the gradients of all inputs for given output gradients.
inline Tensors values_and_gradients(const Function& function, const Tensors& inputs,
                                    std::uint64_t seed) {
  Tensors leaves;
  for (const auto& input : inputs) leaves.push_back(input.detach().clone().requires_grad_(true));
  auto results = function(leaves);
  at::manual_seed(static_cast<std::uint64_t>(seed));
  at::Tensor loss = at::zeros({}, at::kDouble);
  for (const auto& result : results)
    loss = loss + (result.to(at::kDouble) * at::randn(result.sizes(), at::kDouble)).sum();
  loss.backward();
  for (const auto& leaf : leaves) results.push_back(leaf.grad());
  return results;
}

inline void expect_equal_with_gradients(const Function& fused, const Function& reference,
                                        const Tensors& inputs, at::ScalarType dtype) {
  const auto found = values_and_gradients(fused, inputs, 7);
  const auto expected = values_and_gradients(reference, inputs, 7);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].scalar_type(), expected[i].scalar_type());
    EXPECT_EQ(found[i].sizes(), expected[i].sizes());
    EXPECT_LT(relative_difference(found[i], expected[i]), tolerance(dtype)) << "result " << i;
  }
  const at::NoGradGuard no_grad;  // the path of generation
  const auto plain = fused(inputs);
  for (std::size_t i = 0; i < plain.size(); ++i)
    EXPECT_TRUE(at::equal(plain[i], found[i].detach())) << "result " << i;
}

inline at::Tensor random_tensor(at::IntArrayRef shape, at::ScalarType dtype, std::uint64_t seed) {
  at::manual_seed(seed);
  return at::randn(shape, at::kDouble).to(dtype);
}

}  // namespace r1::test
