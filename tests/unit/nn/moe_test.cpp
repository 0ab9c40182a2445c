// Mixture of experts against a plain token-by-token computation.
#include "nn/moe.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <string_view>

#include "kernels/silu_mul.h"
#include "parallel/model_axes.h"
#include "support/thread_ranks.h"
#include "unit/nn/reference.h"

namespace r1::nn {
namespace {

using kernels::route;
using kernels::RoutingOptions;
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

/// Passes all calls on, and counts the rows that all-to-alls send to other ranks, by label.
class CountedRows final : public parallel::Communicator {
 public:
  explicit CountedRows(parallel::Communicator& ranks) : ranks_(ranks) {}
  int rank() const override { return ranks_.rank(); }
  int size() const override { return ranks_.size(); }
  parallel::Work all_reduce(at::Tensor x, parallel::ReduceOp op, const char* label) override {
    return ranks_.all_reduce(x, op, label);
  }
  parallel::Work reduce_scatter(at::Tensor output, at::Tensor input, parallel::ReduceOp op,
                                const char* label) override {
    return ranks_.reduce_scatter(output, input, op, label);
  }
  parallel::Work all_gather(at::Tensor output, at::Tensor input, const char* label) override {
    return ranks_.all_gather(output, input, label);
  }
  parallel::Work broadcast(at::Tensor x, int root, const char* label) override {
    return ranks_.broadcast(x, root, label);
  }
  parallel::Work all_to_all(at::Tensor output, at::Tensor input,
                            std::span<const std::int64_t> output_splits,
                            std::span<const std::int64_t> input_splits,
                            const char* label) override {
    for (int other = 0; other < size(); ++other)
      if (other != rank()) rows_[label] += input_splits[static_cast<std::size_t>(other)];
    ++in_flight_[label];
    auto work = ranks_.all_to_all(output, input, output_splits, input_splits, label);
    return parallel::Work(std::make_unique<Waiting>(std::move(work), in_flight_[label]));
  }
  parallel::Work send(at::Tensor x, int peer, const char* label) override {
    return ranks_.send(x, peer, label);
  }
  parallel::Work receive(at::Tensor x, int peer, const char* label) override {
    return ranks_.receive(x, peer, label);
  }
  void barrier(const char* label) override { ranks_.barrier(label); }
  std::unique_ptr<parallel::Communicator> split(int colour, int key) override {
    return ranks_.split(colour, key);
  }
  [[noreturn]] void abort(int code) override {
    throw base::InternalError(fmt::format("exit code {}", code));
  }

  std::int64_t rows(const std::string& label) { return rows_[label]; }
  int in_flight(const std::string& label) { return in_flight_[label]; }

 private:
  class Waiting final : public parallel::Work::State {
   public:
    Waiting(parallel::Work work, int& in_flight)
        : work_(std::make_unique<parallel::Work>(std::move(work))), in_flight_(in_flight) {}
    void wait() override {
      work_->wait();
      --in_flight_;
    }
    bool test() override { return false; }

   private:
    std::unique_ptr<parallel::Work> work_;
    int& in_flight_;
  };

  parallel::Communicator& ranks_;
  std::map<std::string, std::int64_t> rows_;
  std::map<std::string, int> in_flight_;
};

/// A call of routed_experts, with gradients: of one rank with all experts, or of ranks together.
struct ExpertsCall {
  std::vector<at::Tensor> inputs;  // x, weights, gate_up, down
  at::Tensor output;

  ExpertsCall(std::vector<at::Tensor> values, const at::Tensor& choices,
              const parallel::NodeRanks& ranks, const std::function<void()>& meanwhile)
      : inputs(std::move(values)) {
    for (auto& input : inputs) input.requires_grad_(true);
    output = routed_experts(inputs[0], {choices, inputs[1]}, inputs[2], inputs[3], kExperts, ranks,
                            meanwhile);
  }
  at::Tensor gradient(std::size_t input) const {
    const auto& found = inputs[input].grad();
    return found.defined() ? found : at::zeros_like(inputs[input]);
  }
};

void expect_near(const at::Tensor& found, const at::Tensor& expected, const std::string& what) {
  ASSERT_EQ(found.sizes(), expected.sizes()) << what;
  if (found.numel() == 0) return;
  EXPECT_LT((found - expected).abs().max().item<double>(), 1e-11) << what;
}

/// Rows that a rank sends to others: one for each other rank that holds a token's expert.
std::int64_t rows_to_others(const at::Tensor& choices, const parallel::Communicator& ranks) {
  std::int64_t rows = 0;
  for (std::int64_t t = 0; t < choices.size(0); ++t)
    for (int other = 0; other < ranks.size(); ++other) {
      const auto shard = parallel::shard_of(kExperts, other, ranks.size());
      const auto there = choices[t].ge(shard.begin) & choices[t].lt(shard.begin + shard.size);
      rows += other != ranks.rank() && there.any().item<bool>();
    }
  return rows;
}

/// Rows that a rank sends to the ranks of its number in other nodes.
std::int64_t rows_to_other_nodes(const at::Tensor& choices, const parallel::NodeRanks& ranks) {
  const auto node = ranks.across->rank();
  std::int64_t rows = 0;
  for (std::int64_t t = 0; t < choices.size(0); ++t) {
    std::set<int> nodes;
    for (std::int64_t i = 0; i < choices.size(1); ++i)
      for (int other = 0; other < ranks.all.size(); ++other) {
        const auto shard = parallel::shard_of(kExperts, other, ranks.all.size());
        const auto expert = choices[t][i].item<std::int64_t>();
        if (expert >= shard.begin && expert < shard.begin + shard.size)
          nodes.insert(other / ranks.num_within());
      }
    nodes.erase(node);
    rows += static_cast<std::int64_t>(nodes.size());
  }
  return rows;
}

/// The weights of all experts, for threads that must not draw them at a time.
struct WholeExperts {
  at::Tensor gate_up = random_tensor({kExperts * 2 * kInner, kExpertHidden}, at::kDouble, 3);
  at::Tensor down = random_tensor({kExperts * kExpertHidden, kInner}, at::kDouble, 4);
};

/// Compares output and gradients with those of one rank, and the rows that travel over `counted`,
/// which `ranks` use, with `rows_of(choices)`.
void expect_equal_to_one_rank(
    const WholeExperts& experts, const parallel::NodeRanks& ranks, CountedRows& counted,
    const std::function<std::int64_t(const at::Tensor& choices)>& rows_of) {
  constexpr std::int64_t kChoices = 5;
  auto& all = ranks.all;
  const auto& [gate_up, down] = experts;
  const auto seed = static_cast<std::uint64_t>(20 + all.rank());
  const std::int64_t num_tokens = all.rank() == 1 ? 0 : kTokens + all.rank();
  const auto choices = random_tensor({num_tokens, kExperts}, at::kDouble, seed)
                           .argsort(1, /*descending=*/true)
                           .narrow(1, 0, kChoices);
  const auto x = random_tensor({num_tokens, kExpertHidden}, at::kDouble, seed + 100);
  const auto weights = random_tensor({num_tokens, kChoices}, at::kDouble, seed + 200);
  const auto mine = parallel::shard_of(kExperts, all);
  const auto held = [&](const at::Tensor& of_all, std::int64_t width) {
    return of_all.narrow(0, mine.begin * width, mine.size * width).clone();
  };
  int calls = 0;
  const ExpertsCall whole({x.clone(), weights.clone(), gate_up.clone(), down.clone()}, choices,
                          parallel::alone(), [&] { ++calls; });
  const auto reads = std::make_unique<CountedReads>();
  const ExpertsCall split(
      {x.clone(), weights.clone(), held(gate_up, 2 * kInner), held(down, kExpertHidden)}, choices,
      ranks, [&] {
        ++calls;
        EXPECT_EQ(counted.in_flight("to experts"), 1);
      });
  EXPECT_EQ(reads->count(), 0);
  EXPECT_EQ(calls, 2);
  const auto rows = rows_of(choices);
  EXPECT_EQ(counted.rows("to experts"), rows) << all.size() << " ranks";
  auto sums = at::tensor({rows, counted.rows("from experts")}, at::kLong);
  all.all_reduce(sums, parallel::ReduceOp::Sum, "rows of all ranks").wait();
  EXPECT_EQ(sums[0].item<std::int64_t>(), sums[1].item<std::int64_t>());

  const auto probe = random_tensor({num_tokens, kExpertHidden}, at::kDouble, seed + 300);
  (whole.output * probe).sum().backward();
  (split.output * probe).sum().backward();
  expect_near(split.output, whole.output, "output");
  expect_near(split.gradient(0), whole.gradient(0), "gradient of x");
  expect_near(split.gradient(1), whole.gradient(1), "gradient of the weights");
  auto of_gate_up = whole.gradient(2).clone(), of_down = whole.gradient(3).clone();
  for (auto* summed : {&of_gate_up, &of_down})
    all.all_reduce(*summed, parallel::ReduceOp::Sum, "gradients of all tokens").wait();
  expect_near(split.gradient(2), held(of_gate_up, 2 * kInner), "gradient of gate and up");
  expect_near(split.gradient(3), held(of_down, kExpertHidden), "gradient of down");
}

TEST(SplitExperts, ATokensRowTravelsOnceToARankWhileOtherWorkRuns) {
  const WholeExperts experts;
  for (const int size : {2, 3, 12})
    test::ThreadRanks::run(size, [&](parallel::Communicator& threads) {
      CountedRows ranks(threads);
      expect_equal_to_one_rank(experts, ranks, ranks, [&](const at::Tensor& choices) {
        return rows_to_others(choices, ranks);
      });
    });
}

TEST(SplitExperts, ATokensRowTravelsOnceToANodeWhileOtherWorkRuns) {
  const WholeExperts experts;
  for (const auto& [nodes, within] : {std::pair{2, 2}, {2, 3}, {3, 4}})
    test::ThreadRanks::run_on_nodes(nodes, within, [&](auto& all, auto& of_node, auto& rail) {
      CountedRows across(rail);
      const parallel::NodeRanks ranks(all, of_node, across);
      expect_equal_to_one_rank(experts, ranks, across, [&](const at::Tensor& choices) {
        return rows_to_other_nodes(choices, ranks);
      });
    });
}

TEST(BalanceBias, MovesTowardsTheMeanLoad) {
  auto bias = at::tensor({0.5, 0.5, 0.5, -1.0}, at::kDouble);
  balance_bias(bias, at::tensor({9, 4, 1, 2}, at::kLong), 0.25);  // mean 4
  EXPECT_TRUE(at::equal(bias, at::tensor({0.25, 0.5, 0.75, -0.75}, at::kDouble)));
}

}  // namespace
}  // namespace r1::nn
