// Routing and the visits of tokens to experts on a GPU against their plain forms.
#include "kernels/expert_products.h"
#include "kernels/routing.h"
#include "unit/kernels/kernel_test.h"

namespace r1::kernels {
namespace {

class ExpertKernels : public test::KernelTest {};

struct Sizes {
  std::int64_t experts, hidden, tokens;
};

TEST_P(ExpertKernels, RouteEqualsThePlainForm) {
  const at::NoGradGuard no_grad;
  for (const auto& s : {Sizes{8, 16, 1}, Sizes{64, 2048, 64}, Sizes{256, 72, 37}, Sizes{48, 264, 9},
                        Sizes{512, 8, 130}})
    for (const auto& options :
         {RoutingOptions{2, 1, 1, true, 1.0}, RoutingOptions{6, 8, 4, true, 2.5},
          RoutingOptions{8, 4, 4, false, 1.5}, RoutingOptions{1, 2, 1, true, 1.0}}) {
      SCOPED_TRACE(fmt::format("{} experts, {} tokens, {} of {} groups, top {}", s.experts,
                               s.tokens, options.top_groups, options.num_groups, options.top_k));
      if (options.top_k > s.experts / options.num_groups * options.top_groups) continue;
      const auto x = random({s.tokens, s.hidden}, 1), router = random({s.experts, s.hidden}, 2);
      const auto bias = random_wide({s.experts}, 3) * 0.3;

      const auto found = route(here(x), here(router), here(bias), options);

      const auto expected =
          route_reference(x.to(at::kDouble), router.to(at::kDouble), bias.to(at::kDouble), options);
      ASSERT_EQ(found.experts.sizes(), expected.experts.sizes());
      // Scores within rounding of each other may change places, at the margin with another expert.
      const auto same = found.experts.cpu().eq(expected.experts);
      EXPECT_GE(same.to(at::kDouble).mean().item<double>(), dtype() == at::kDouble ? 1.0 : 0.98);
      const auto rows = same.all(1);
      EXPECT_LT(difference(found.weights.cpu().index({rows}), expected.weights.index({rows})),
                dtype() == at::kDouble ? 1e-13 : 1e-4);
      EXPECT_TRUE(at::equal(found.own, found.experts));
    }
}

TEST_P(ExpertKernels, EqualScoresChooseDistinctExperts) {
  const at::NoGradGuard no_grad;
  const auto x = at::zeros({5, 64}, GetParam().options()),
             router = at::zeros({40, 64}, x.options());
  const auto bias = at::zeros({40}, x.options().dtype(wide()));
  const auto found = route(x, router, bias, {8, 4, 2, true, 1.0});
  const auto sorted = std::get<0>(found.experts.cpu().sort(1));
  EXPECT_TRUE(sorted.slice(1, 1).gt(sorted.slice(1, 0, 7)).all().item<bool>());
  EXPECT_LT(difference(found.weights, at::full({5, 8}, 0.125, at::kDouble)), 1e-6);
}

struct Sums {
  std::int64_t experts, hidden, inner, tokens;
  double preference;  // for the first experts
};

TEST_P(ExpertKernels, SumsEqualThePlainForm) {
  const at::NoGradGuard no_grad;
  for (const auto& s :
       {Sums{8, 16, 48, 1, 0.0}, Sums{64, 256, 96, 64, 0.0}, Sums{128, 64, 40, 100, 0.0},
        Sums{8, 2056, 72, 31, 0.0}, Sums{32, 128, 72, 120, 9.0}, Sums{32, 256, 328, 64, 0.0},
        Sums{16, 64, 32, 300, 0.0}}) {
    SCOPED_TRACE(fmt::format("{} experts, {} tokens", s.experts, s.tokens));
    constexpr std::int64_t kTopK = 4;
    const auto x = random({s.tokens, s.hidden}, 1);
    const auto gate_up = random({s.experts * 2 * s.inner, s.hidden}, 2) * 0.1,
               down = random({s.experts * s.hidden, s.inner}, 3) * 0.1;
    const auto router = random({s.experts, s.hidden}, 4);
    auto bias = random_wide({s.experts}, 5) * 0.5;
    bias.slice(0, 0, 5) += s.preference;  // some have more visits than a pass takes
    const auto routing = route_reference(x, router, bias, {kTopK, 1, 1, true, 1.0});

    const auto found = expert_sums(here(x), here(routing.experts), here(routing.weights),
                                   here(gate_up), here(down));

    const auto wide_of = [](const at::Tensor& t) { return t.to(at::kDouble); };
    const auto expected = expert_sums_reference(
        wide_of(x), routing.experts, wide_of(routing.weights), wide_of(gate_up), wide_of(down));
    EXPECT_LT(difference(found, expected), tolerance());
  }
}

INSTANTIATE_TEST_SUITE_P(Places, ExpertKernels, ::testing::ValuesIn(test::all_places()),
                         test::place_name);

}  // namespace
}  // namespace r1::kernels
