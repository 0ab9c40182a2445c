// The doors of a layer's operations on the CPU and on a GPU against their plain forms in fp64:
// widths that the CUDA kernels take and others, no rows at all, views of wider tensors.
#include "kernels/add_rms_norm.h"
#include "kernels/random_matrix.h"
#include "kernels/rope.h"
#include "kernels/silu_mul.h"
#include "unit/kernels/kernel_test.h"

namespace r1::kernels {
namespace {

using test::Tensors;

class LayerKernels : public test::KernelTest {};

TEST_P(LayerKernels, SiluMulEqualsThePlainForm) {
  for (const std::int64_t rows : {0, 1, 37})
    for (const std::int64_t dim : {8, 24, 20, 1000}) {
      SCOPED_TRACE(fmt::format("rows {}, dim {}", rows, dim));
      // Large gates too: exp overflows there unless it is kept in range.
      expect_equal([](const Tensors& in) { return Tensors{silu_mul(in[0])}; },
                   [](const Tensors& in) { return Tensors{silu_mul_reference(in[0])}; },
                   {random({rows, 2 * dim}, 1) * 20});
    }
}

TEST_P(LayerKernels, ABoxOfARandomMatrixEqualsThePlainFormAndThatOfTheWhole) {
  const auto filled = [](at::Tensor out, const RandomBox& box) {
    fill_normal(out, box);
    return out;
  };
  const auto whole = filled(at::empty({37, 50}, GetParam().options()), {9, 0.02, 0, 0, 50});
  auto plain = at::empty({37, 50}, at::kDouble);
  fill_normal_reference(plain, {9, 0.02, 0, 0, 50});
  EXPECT_NEAR(plain.std().item<double>(), 0.02, 1e-3);
  EXPECT_LT(difference(whole, plain), tolerance());
  const auto box = filled(at::empty({5, 7}, GetParam().options()), {9, 0.02, 30, 41, 50});
  EXPECT_TRUE(at::equal(box, whole.slice(0, 30, 35).slice(1, 41, 48)));
  fill_normal(at::empty({0, 7}, GetParam().options()), {9, 0.02, 30, 41, 50});
}

TEST_P(LayerKernels, SiluMulOfColumnsOfWiderRowsEqualsThePlainForm) {
  const auto columns = [](const at::Tensor& x) { return x.slice(1, 3, 3 + 2 * 16); };
  expect_equal([=](const Tensors& in) { return Tensors{silu_mul(columns(in[0]))}; },
               [=](const Tensors& in) { return Tensors{silu_mul_reference(columns(in[0]))}; },
               {random({5, 48}, 2)});
}

TEST_P(LayerKernels, SiluMulLinearEqualsThePlainForm) {
  for (const bool with_bias : {false, true})
    for (const std::int64_t rows : {1, 33}) {
      const auto run = [with_bias](auto product) {
        return [=](const Tensors& in) {
          return Tensors{product(in[0], in[1], with_bias ? in[2] : at::Tensor(), true)};
        };
      };
      Tensors inputs{random({rows, 2 * 40}, 3), random({24, 40}, 4) * 0.2};
      if (with_bias) inputs.push_back(random({24}, 5));
      expect_equal(
          run(silu_mul_linear),
          run([](const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, bool) {
            const auto y = at::mm(silu_mul_reference(x), weight.t());
            return bias.defined() ? y + bias : y;
          }),
          inputs);
    }
}

TEST_P(LayerKernels, SiluMulLinearWhoseValuesNobodyReadsHasTheSameGradients) {
  const auto gradients = [this](bool values_are_read) {
    Tensors leaves;
    for (const auto& x : {random({9, 2 * 24}, 3), random({16, 24}, 4), random({16}, 5)})
      leaves.push_back(x.to(GetParam().device()).requires_grad_(true));
    silu_mul_linear(leaves[0], leaves[1], leaves[2], values_are_read)
        .backward(random({9, 16}, 6).to(GetParam().device()));
    return leaves;
  };

  const auto found = gradients(false), expected = gradients(true);

  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_LT(difference(found[i].grad(), expected[i].grad().cpu()), tolerance()) << i;
}

TEST_P(LayerKernels, AddRmsNormEqualsThePlainForm) {
  // One width for each number of threads and values a thread, and some that no kernel takes.
  for (const std::int64_t dim : {8, 40, 44, 256, 1024, 1536, 2056, 3584, 7168, 8200})
    for (const std::int64_t rows : {0, 1, 19}) {
      SCOPED_TRACE(fmt::format("rows {}, dim {}", rows, dim));
      const auto run = [](auto norm) {
        return [=](const Tensors& in) {
          const auto [sum, normed] = norm(in[0], in[1], in[2], 1e-5);
          return Tensors{sum, normed};
        };
      };
      expect_equal(run(add_rms_norm), run(add_rms_norm_reference),
                   {random({rows, dim}, 6), random_wide({rows, dim}, 7), random({dim}, 8)});
    }
}

TEST_P(LayerKernels, AddRmsNormOfMoreRowsThanBlocksEqualsThePlainForm) {
  const auto run = [](auto norm) {
    return [=](const Tensors& in) {
      const auto [sum, normed] = norm(in[0], in[1], in[2], 1e-5);
      return Tensors{sum, normed};
    };
  };
  // The weight's gradient is a sum over all rows: its terms are random and nearly cancel.
  expect_equal(run(add_rms_norm), run(add_rms_norm_reference),
               {random({1500, 2048}, 6), random_wide({1500, 2048}, 7), random({2048}, 8)});
}

TEST_P(LayerKernels, RmsNormWithoutResidualEqualsThePlainForm) {
  for (const std::int64_t dim : {64, 128, 1536}) {
    const auto run = [](auto norm) {
      return
          [=](const Tensors& in) { return Tensors{norm(in[0], at::Tensor(), in[1], 1e-6).second}; };
    };
    expect_equal(run(add_rms_norm), run(add_rms_norm_reference),
                 {random({45, dim}, 9), random({dim}, 10)});
  }
}

TEST_P(LayerKernels, BothGradientsOfANormWithoutResidualAreAdded) {
  const auto run = [](auto norm) {
    return [=](const Tensors& in) {
      const auto [sum, normed] = norm(in[0], at::Tensor(), in[1], 1e-6);
      return Tensors{sum, normed};
    };
  };
  expect_equal(run(add_rms_norm), run(add_rms_norm_reference),
               {random({9, 64}, 11), random({64}, 12)});
}

TEST_P(LayerKernels, RopeOfFusedRowsEqualsThePlainForm) {
  struct Heads {
    std::int64_t queries, keys, width;
  };
  for (const auto& heads : {Heads{6, 2, 64}, Heads{3, 3, 128}, Heads{4, 1, 16}, Heads{5, 5, 12}})
    for (const std::int64_t rows : {0, 1, 35}) {
      SCOPED_TRACE(fmt::format("rows {}, width {}", rows, heads.width));
      const auto run = [&](auto split) {
        return [=](const Tensors& in) {
          const auto table = rope_table(in[0], rows, heads.width / 2);
          const auto [q, k, v] = split(in[0], table, heads.queries, heads.keys, heads.width);
          return Tensors{q, k, v};
        };
      };
      expect_equal(run(split_and_rotate), run(split_and_rotate_reference),
                   {random({rows, (heads.queries + 2 * heads.keys) * heads.width}, 13)});
    }
}

TEST_P(LayerKernels, RopeOfHeadsEqualsThePlainForm) {
  for (const std::int64_t width : {64, 12})
    for (const bool interleaved : {false, true}) {
      const auto run = [=](auto rotation) {
        return [=](const Tensors& in) {
          // A slice of wider rows, as layers give it.
          return Tensors{
              rotation(in[0].slice(2, 2), rope_table(in[0], 21, width / 2), interleaved)};
        };
      };
      expect_equal(run(rotate), run(rotate_reference), {random({21, 3, width + 2}, 14)});
    }
}

INSTANTIATE_TEST_SUITE_P(Places, LayerKernels, ::testing::ValuesIn(test::all_places()),
                         test::place_name);

}  // namespace
}  // namespace r1::kernels
