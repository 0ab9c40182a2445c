// Fused norm, rotary embedding and gated SiLU against their plain references, gradients included.
#include "kernels/add_rms_norm.h"
#include "kernels/cpu_dispatch.h"
#include "kernels/silu_mul.h"
#include "nn/mlp.h"
#include "nn/rope.h"
#include "unit/nn/reference.h"

namespace r1::nn {
namespace {

using test::random_tensor;
using test::Tensors;

class FusedLayers : public ::testing::TestWithParam<at::ScalarType> {};

TEST_P(FusedLayers, NormWithResidualEqualsReference) {
  constexpr double kEpsilon = 1e-5;
  for (const std::int64_t rows : {1, 5, 67}) {
    const Tensors inputs{random_tensor({rows, 48}, GetParam(), 1),
                         random_tensor({rows, 48}, kernels::accumulator_dtype(GetParam()), 2),
                         random_tensor({48}, GetParam(), 3)};
    const auto run = [&](auto function) {
      return [=](const Tensors& in) {
        const auto [sum, normed] = function(in[0], in[1], in[2], kEpsilon);
        return Tensors{sum, normed};
      };
    };
    test::expect_equal_with_gradients(run(kernels::add_rms_norm),
                                      run(kernels::add_rms_norm_reference), inputs, GetParam());
    test::expect_equal_with_gradients(run(kernels::add_rms_norm_fused),
                                      run(kernels::add_rms_norm_reference), inputs, GetParam());
  }
}

TEST_P(FusedLayers, NormWithoutResidualEqualsReference) {
  const Tensors inputs{random_tensor({33, 40}, GetParam(), 4), random_tensor({40}, GetParam(), 5)};
  const auto run = [&](auto function) {
    return [=](const Tensors& in) {
      return Tensors{function(in[0], at::Tensor(), in[1], 1e-6).second};
    };
  };
  test::expect_equal_with_gradients(run(kernels::add_rms_norm),
                                    run(kernels::add_rms_norm_reference), inputs, GetParam());
  test::expect_equal_with_gradients(run(kernels::add_rms_norm_fused),
                                    run(kernels::add_rms_norm_reference), inputs, GetParam());
}

TEST_P(FusedLayers, NormOfColumnsOfWiderRowsEqualsReference) {
  const auto run = [&](auto function) {
    return [=](const Tensors& in) {
      const auto [sum, normed] = function(in[0].slice(1, 3, 19), in[1].slice(1, 8), in[2], 1e-6);
      return Tensors{sum, normed};
    };
  };
  test::expect_equal_with_gradients(
      run(kernels::add_rms_norm), run(kernels::add_rms_norm_reference),
      {random_tensor({9, 24}, GetParam(), 9),
       random_tensor({9, 24}, kernels::accumulator_dtype(GetParam()), 10),
       random_tensor({16}, GetParam(), 11)},
      GetParam());
}

TEST_P(FusedLayers, RotationEqualsReference) {
  constexpr std::int64_t kHeads = 6, kKvHeads = 2, kHeadDim = 12, kRows = 35;
  const auto frequencies =
      at::tensor(rope_inverse_frequencies({.theta = 10000.0}, kHeadDim), at::kDouble);
  const auto positions = at::arange(kRows, at::kLong) * 3 + 5;
  const auto table = make_rope_table(positions, frequencies, GetParam());
  const Tensors inputs{random_tensor({kRows, (kHeads + 2 * kKvHeads) * kHeadDim}, GetParam(), 6)};
  const auto run = [&](auto function) {
    return [=, &table](const Tensors& in) {
      const auto [q, k, v] = function(in[0], table, kHeads, kKvHeads, kHeadDim);
      return Tensors{q, k, v};
    };
  };
  test::expect_equal_with_gradients(run(kernels::split_and_rotate),
                                    run(kernels::split_and_rotate_reference), inputs, GetParam());
}

TEST_P(FusedLayers, RotationOfHeadsEqualsReference) {
  constexpr std::int64_t kHeads = 3, kHeadDim = 8, kRows = 21;
  const auto frequencies = at::tensor(rope_inverse_frequencies({}, kHeadDim), at::kDouble);
  const auto table =
      make_rope_table(at::arange(kRows, at::kLong) + 4, frequencies, GetParam(), 1.2);
  for (const bool interleaved : {false, true}) {
    const auto run = [&](auto function) {
      return [=, &table](const Tensors& in) {
        // A slice of wider rows, as layers give it.
        return Tensors{function(in[0].slice(2, 2), table, interleaved)};
      };
    };
    test::expect_equal_with_gradients(run(kernels::rotate), run(kernels::rotate_reference),
                                      {random_tensor({kRows, kHeads, kHeadDim + 2}, GetParam(), 8)},
                                      GetParam());
  }
}

TEST_P(FusedLayers, GatedSiluEqualsReference) {
  // Large gates too: exp overflows there unless it is kept in range.
  const Tensors inputs{random_tensor({37, 2 * 24}, GetParam(), 8) * 20};
  const auto run = [](auto function) {
    return [=](const Tensors& in) { return Tensors{function(in[0])}; };
  };
  test::expect_equal_with_gradients(run(kernels::silu_mul), run(kernels::silu_mul_reference),
                                    inputs, GetParam());
}

TEST_P(FusedLayers, GatedMlpByHalvesEqualsFused) {
  constexpr std::int64_t kWidth = 8, kInner = 6;
  for (const bool bias : {false, true}) {
    const auto run = [bias](bool by_halves) {
      return [=](const Tensors& in) {
        const GatedMlp mlp{{in[1], bias ? in[2] : at::Tensor()}, {}};
        return Tensors{by_halves ? mlp.gated_by_halves(in[0])
                                 : kernels::silu_mul(mlp.gate_up(in[0]))};
      };
    };
    Tensors inputs{random_tensor({11, kWidth}, GetParam(), 12),
                   random_tensor({2 * kInner, kWidth}, GetParam(), 13)};
    if (bias) inputs.push_back(random_tensor({2 * kInner}, GetParam(), 14));
    test::expect_equal_with_gradients(run(true), run(false), inputs, GetParam());
  }
}

INSTANTIATE_TEST_SUITE_P(Dtypes, FusedLayers,
                         ::testing::Values(at::kDouble, at::kFloat, at::kBFloat16),
                         [](const auto& info) { return c10::toString(info.param); });

}  // namespace
}  // namespace r1::nn
