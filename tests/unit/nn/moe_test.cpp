// Mixture of experts against a plain token-by-token computation.
#include "nn/moe.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <string_view>

#include "kernels/silu_mul.h"
#include "parallel/model_axes.h"
#include "support/thread_ranks.h"
#include "unit/nn/reference.h"

namespace r1::nn {
namespace {

using test::random_tensor;

constexpr std::int64_t kTokens = 17, kExpertHidden = 12, kInner = 6, kExperts = 8;

class Routes : public ::testing::TestWithParam<RoutingOptions> {};

/// Equations 12 to 16 of arXiv 2412.19437 for one token.
std::pair<std::vector<std::int64_t>, std::vector<double>> plain_route(
    const at::Tensor& logits, const at::Tensor& bias, const RoutingOptions& options) {
  const auto scores = logits.sigmoid();
  std::vector<double> ranked(kExperts);
  for (std::int64_t e = 0; e < kExperts; ++e)
    ranked[static_cast<std::size_t>(e)] = (scores[e] + bias[e]).item<double>();
  const auto size = static_cast<std::size_t>(kExperts / options.num_groups);
  std::vector<std::pair<double, std::size_t>> groups;
  for (std::size_t g = 0; g * size < ranked.size(); ++g) {
    std::vector<double> best(ranked.begin() + static_cast<std::ptrdiff_t>(g * size),
                             ranked.begin() + static_cast<std::ptrdiff_t>((g + 1) * size));
    std::sort(best.rbegin(), best.rend());
    groups.push_back({-(best[0] + (size > 1 ? best[1] : 0.0)), g});
  }
  std::sort(groups.begin(), groups.end());
  std::vector<std::pair<double, std::int64_t>> candidates;
  for (std::int64_t g = 0; g < options.top_groups; ++g)
    for (std::size_t i = 0; i < size; ++i) {
      const auto e = groups[static_cast<std::size_t>(g)].second * size + i;
      candidates.push_back({-ranked[e], static_cast<std::int64_t>(e)});
    }
  std::sort(candidates.begin(), candidates.end());
  std::vector<std::int64_t> experts;
  std::vector<double> weights;
  for (std::int64_t i = 0; i < options.top_k; ++i) {
    experts.push_back(candidates[static_cast<std::size_t>(i)].second);
    weights.push_back(scores[experts.back()].item<double>());
  }
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (auto& weight : weights) weight *= options.scaling / (options.normalize ? sum : 1.0);
  return {experts, weights};
}

TEST_P(Routes, EqualThePaper) {
  const auto x = random_tensor({kTokens, kExpertHidden}, at::kDouble, 1);
  const auto router = random_tensor({kExperts, kExpertHidden}, at::kDouble, 2);
  const auto bias = random_tensor({kExperts}, at::kDouble, 3);
  const auto found = route(x, router, bias, GetParam());
  const auto logits = at::linear(x, router);
  for (std::int64_t t = 0; t < kTokens; ++t) {
    const auto [experts, weights] = plain_route(logits[t], bias, GetParam());
    EXPECT_TRUE(at::equal(found.experts[t], at::tensor(experts, at::kLong))) << "token " << t;
    EXPECT_LT(test::relative_difference(found.weights[t], at::tensor(weights, at::kDouble)),
              test::tolerance(at::kDouble));
  }
}

INSTANTIATE_TEST_SUITE_P(Options, Routes,
                         ::testing::Values(RoutingOptions{3, 4, 2, true, 2.5},
                                           RoutingOptions{2, 1, 1, false, 1.0},
                                           RoutingOptions{4, 2, 2, true, 1.0},
                                           RoutingOptions{8, 4, 4, false, 3.0},
                                           RoutingOptions{2, 8, 3, true, 1.0}));

/// Given experts take the place of the router's; their weights are those of its scores.
TEST(Route, TakesGivenExperts) {
  const auto x = at::randn({3, 8}, at::kDouble), router = at::randn({6, 8}, at::kDouble);
  const auto bias = at::zeros({6}, at::kDouble);
  const RoutingOptions options{.top_k = 2, .scaling = 2.5};
  const auto own = route(x, router, bias, options);
  const auto others = at::tensor({5, 0, 1, 2, -1, -1}, at::kShort).view({3, 2});
  const auto found = route(x, router, bias, options, others);
  EXPECT_TRUE(at::equal(found.experts.slice(0, 0, 2), others.slice(0, 0, 2).to(at::kLong)));
  EXPECT_TRUE(at::equal(found.experts[2], own.experts[2])) << "-1: the router's";
  EXPECT_TRUE(at::equal(found.own, own.experts));
  const auto scores = at::linear(x, router).sigmoid().gather(1, found.experts);
  EXPECT_TRUE(at::allclose(found.weights, 2.5 * scores / scores.sum(1, true)));
  EXPECT_TRUE(at::equal(route(x, router, bias, options, own.experts).weights, own.weights));
}

TEST(RoutingFlips, AreGivenExpertsThatATokenDidNotVisit) {
  const auto experts = at::tensor({0, 1, 2, 3, 4, 5}, at::kLong).view({3, 2});
  const auto own = at::tensor({0, 1, 0, 1, 4, 5}, at::kLong).view({3, 2});
  const auto given = at::tensor({1, 0, 2, 1, -1, -1}, at::kShort).view({3, 2});
  const Routing routing{experts, {}, own};
  // 1 and 0 in the other order are no flip; 1 was not visited by token 1, and 2 is not its
  // router's.
  EXPECT_TRUE(at::equal(routing_flips(routing, given), at::tensor({4, 1, 1}, at::kLong)));
  EXPECT_TRUE(at::equal(routing_flips(routing, given, at::tensor({1, 3, 1}, at::kLong)),
                        at::tensor({8, 3, 3}, at::kLong)));
}

TEST(Route, IsComputedInSinglePrecisionForBf16) {
  const auto x = random_tensor({kTokens, kExpertHidden}, at::kBFloat16, 1);
  const auto router = random_tensor({kExperts, kExpertHidden}, at::kBFloat16, 2);
  const auto bias = random_tensor({kExperts}, at::kFloat, 3);
  const RoutingOptions options{3, 4, 2, true, 2.5};
  const auto found = route(x, router, bias, options);
  const auto expected = route(x.to(at::kFloat), router.to(at::kFloat), bias, options);
  EXPECT_EQ(found.weights.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(found.experts, expected.experts));
  EXPECT_TRUE(at::equal(found.weights, expected.weights));
}

class RoutedExperts : public ::testing::TestWithParam<at::ScalarType> {};

TEST_P(RoutedExperts, EqualTokenByToken) {
  const auto experts = at::randint(0, kExperts - 1, {kTokens, 3}, at::kLong);  // the last: idle
  const auto fused = [&](const test::Tensors& in) {
    return test::Tensors{
        routed_experts(in[0], {experts, in[1]}, in[2], in[3], kExperts, parallel::alone())};
  };
  const auto reference = [&](const test::Tensors& in) {
    const auto gate_up = in[2].view({kExperts, 2 * kInner, kExpertHidden});
    const auto down = in[3].view({kExperts, kExpertHidden, kInner});
    std::vector<at::Tensor> rows;
    for (std::int64_t t = 0; t < kTokens; ++t) {
      at::Tensor sum = at::zeros({kExpertHidden}, in[1].options());
      for (std::int64_t i = 0; i < 3; ++i) {
        const auto e = experts[t][i].item<std::int64_t>();
        const auto inner =
            kernels::silu_mul_reference(at::linear(in[0][t].unsqueeze(0), gate_up[e]));
        sum = sum + at::linear(inner, down[e])[0] * in[1][t][i];
      }
      rows.push_back(sum.to(in[0].scalar_type()));
    }
    return test::Tensors{at::stack(rows)};
  };
  const auto dtype = GetParam();
  const auto weights_dtype = dtype == at::kDouble ? at::kDouble : at::kFloat;
  test::expect_equal_with_gradients(
      fused, reference,
      {random_tensor({kTokens, kExpertHidden}, dtype, 1),
       random_tensor({kTokens, 3}, weights_dtype, 2),
       random_tensor({kExperts * 2 * kInner, kExpertHidden}, dtype, 3),
       random_tensor({kExperts * kExpertHidden, kInner}, dtype, 4)},
      dtype);
}

INSTANTIATE_TEST_SUITE_P(Dtypes, RoutedExperts,
                         ::testing::Values(at::kDouble, at::kFloat, at::kBFloat16),
                         [](const auto& info) { return c10::toString(info.param); });

/// Counts the single values that this thread reads from tensors: on a GPU the host waits for each.
class CountedReads {
 public:
  CountedReads() {
    num_reads = 0;
    handle_ = at::addThreadLocalCallback(
        at::RecordFunctionCallback([](const at::RecordFunction& function) {
          if (std::string_view(function.name()) == "aten::_local_scalar_dense") ++num_reads;
          return std::unique_ptr<at::ObserverContext>();
        }));
  }
  ~CountedReads() { at::removeCallback(handle_); }
  int count() const { return num_reads; }

 private:
  static thread_local int num_reads;
  at::CallbackHandle handle_;
};
thread_local int CountedReads::num_reads = 0;

TEST(CountedReads, SeesAReadValue) {
  const CountedReads reads;
  at::ones({2})[1].item<float>();
  EXPECT_EQ(reads.count(), 1);
}

TEST(SplitExperts, EqualThoseOfOneRankAndReadTheirCountsAtOnce) {
  const auto gate_up = random_tensor({kExperts * 2 * kInner, kExpertHidden}, at::kDouble, 3);
  const auto down = random_tensor({kExperts * kExpertHidden, kInner}, at::kDouble, 4);
  for (const int size : {2, 3, 8, 12})  // of twelve ranks, some hold no expert
    test::ThreadRanks::run(size, [&](parallel::Communicator& ranks) {
      const auto seed = static_cast<std::uint64_t>(10 + ranks.rank());
      const auto num_tokens = kTokens + ranks.rank();
      const auto x = random_tensor({num_tokens, kExpertHidden}, at::kDouble, seed);
      const Routing routing{(x.narrow(1, 0, 3).abs() * 100.0).to(at::kLong).remainder(kExperts),
                            random_tensor({num_tokens, 3}, at::kDouble, seed + 100)};
      const auto mine = parallel::shard_of(kExperts, ranks);
      const auto rows = [&](const at::Tensor& all, std::int64_t width) {
        return all.narrow(0, mine.begin * width, mine.size * width);
      };
      const auto expected = routed_experts(x, routing, gate_up, down, kExperts, parallel::alone());
      const CountedReads reads;
      const auto found = routed_experts(x, routing, rows(gate_up, 2 * kInner),
                                        rows(down, kExpertHidden), kExperts, ranks);
      EXPECT_EQ(reads.count(), 0) << size << " ranks";
      EXPECT_LT(test::relative_difference(found, expected), test::tolerance(at::kDouble));
    });
}

TEST(BalanceBias, MovesTowardsTheMeanLoad) {
  auto bias = at::tensor({0.5, 0.5, 0.5, -1.0}, at::kDouble);
  balance_bias(bias, at::tensor({9, 4, 1, 2}, at::kLong), 0.25);  // mean 4
  EXPECT_TRUE(at::equal(bias, at::tensor({0.25, 0.5, 0.75, -0.75}, at::kDouble)));
}

}  // namespace
}  // namespace r1::nn
