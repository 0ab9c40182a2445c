// Gradients over micro-batches and ranks: what a rank owns of them is the sum, whatever the
// sharding, the buckets and the number of micro-batches of each rank. Ranks are threads.
#include "parallel/gradient_buckets.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>

#include "parallel/gather_owned.h"
#include "parallel/local_communicator.h"
#include "support/thread_ranks.h"

namespace r1::parallel {
namespace {

constexpr std::size_t kUnused = 2;  // a parameter that no micro-batch reaches
constexpr int kMostPasses = 3;

std::vector<at::Tensor> parameters() {
  std::vector<at::Tensor> all;
  for (const auto& shape : std::vector<std::vector<std::int64_t>>{{3, 5}, {7}, {2, 2}, {4, 3}, {1}})
    all.push_back(at::ones(shape, at::kDouble).requires_grad_(true));
  return all;
}

/// The gradient of a parameter in a micro-batch.
at::Tensor gradient(const at::Tensor& parameter, std::size_t index, int rank, int pass) {
  if (index == kUnused) return at::zeros(parameter.sizes(), at::kDouble);
  const auto numbers = at::arange(parameter.numel(), at::kDouble).view(parameter.sizes());
  return numbers + 100.0 * static_cast<double>(index) + 1000.0 * (rank + 1) + 10000.0 * (pass + 1);
}

/// Ranks have different numbers of micro-batches; the first has none.
int passes_of(int rank, int ranks) {
  return ranks == 1 ? kMostPasses : std::min(rank, kMostPasses);
}

std::vector<GradientGroup> grouped(const std::vector<at::Tensor>& all, Communicator& ranks) {
  GradientGroup group{&ranks, all, {}};
  for (std::size_t i = 0; i < all.size(); ++i) group.places.push_back(i);
  return {group};
}

void backward(std::vector<at::Tensor>& all, int rank, int pass) {
  at::Tensor loss = at::zeros({}, at::kDouble);
  for (std::size_t i = 0; i < all.size(); ++i)
    if (i != kUnused) loss = loss + (all[i] * gradient(all[i], i, rank, pass)).sum();
  loss.backward();
}

void run_step(GradientBuckets& buckets, std::vector<at::Tensor>& all, Communicator& ranks,
              bool equal_passes) {
  const int mine = passes_of(ranks.rank(), ranks.size());
  buckets.start();
  for (int pass = 0; pass < mine; ++pass) {
    buckets.begin_pass(pass + 1 == mine);
    backward(all, ranks.rank(), pass);
    buckets.end_pass();
  }
  for (int pass = mine; equal_passes && pass < kMostPasses; ++pass) {
    buckets.begin_pass(false);
    buckets.end_pass();
  }
  buckets.launch();
  buckets.finish();
}

/// `numbers`: of the group's parameters among all. `members`: the ranks it is summed over, of
/// `ranks`.
void expect_sums(const GradientBuckets& buckets, std::size_t group,
                 const std::vector<at::Tensor>& all, const std::vector<std::size_t>& numbers,
                 const std::vector<int>& members, int ranks) {
  std::int64_t elements = 0;
  for (const auto& range : buckets.partition(group).owned()) {
    const auto number = numbers[range.parameter];
    auto expected = at::zeros(all[number].sizes(), at::kDouble);
    for (const int rank : members)
      for (int pass = 0; pass < passes_of(rank, ranks); ++pass)
        expected += gradient(all[number], number, rank, pass);
    EXPECT_TRUE(at::equal(buckets.owned(group).narrow(0, range.offset, range.size),
                          expected.view(-1).narrow(0, range.begin, range.size)))
        << "parameter " << number << " of " << ranks << " ranks";
    elements += range.size;
  }
  EXPECT_GT(elements, 0);
}

void expect_sums(const GradientBuckets& buckets, const std::vector<at::Tensor>& all, int ranks) {
  std::vector<std::size_t> numbers(all.size());
  std::iota(numbers.begin(), numbers.end(), 0);
  std::vector<int> members(static_cast<std::size_t>(ranks));
  std::iota(members.begin(), members.end(), 0);
  expect_sums(buckets, 0, all, numbers, members, ranks);
}

class GradientBucketsOf : public ::testing::TestWithParam<GradientSharding> {};

TEST_P(GradientBucketsOf, OwnedRangesHoldTheSumsOfAllRanks) {
  for (const int size : {2, 3, 4})
    for (const std::int64_t bucket_bytes : {8, 150, 10000})
      test::ThreadRanks::run(size, [&](Communicator& ranks) {
        auto all = parameters();
        GradientBuckets buckets(grouped(all, ranks), {at::kDouble, bucket_bytes, GetParam()});
        for (int step = 0; step < 2; ++step) {  // nothing of the first is left in the second
          run_step(buckets, all, ranks, GetParam() == GradientSharding::Always);
          expect_sums(buckets, all, size);
        }
        for (const auto& parameter : all) EXPECT_FALSE(parameter.grad().defined());
      });
}

TEST_P(GradientBucketsOf, OneRankOwnsEverything) {
  LocalCommunicator alone;
  auto all = parameters();
  GradientBuckets buckets(grouped(all, alone), {at::kDouble, 150, GetParam()});
  EXPECT_EQ(buckets.partition(0).owned().size(), all.size());
  run_step(buckets, all, alone, false);
  expect_sums(buckets, all, 1);
}

TEST_P(GradientBucketsOf, AStepWithoutAnyMicroBatchGivesZeros) {
  test::ThreadRanks::run(2, [&](Communicator& ranks) {
    auto all = parameters();
    GradientBuckets buckets(grouped(all, ranks), {at::kDouble, 150, GetParam()});
    run_step(buckets, all, ranks, true);
    buckets.start();
    buckets.launch();
    buckets.finish();
    for (const auto& range : buckets.partition(0).owned())
      EXPECT_EQ(buckets.owned(0).narrow(0, range.offset, range.size).abs().sum().item<double>(),
                0.0);
  });
}

// As experts that replicas share: some parameters are summed over this rank alone.
TEST_P(GradientBucketsOf, GroupsAreSummedOverRanksOfTheirOwn) {
  for (const std::int64_t bucket_bytes : {8, 150, 10000})
    test::ThreadRanks::run(3, [&](Communicator& ranks) {
      LocalCommunicator alone;
      auto all = parameters();
      GradientBuckets buckets(
          {{&ranks, {all[0], all[2], all[4]}, {0, 2, 4}}, {&alone, {all[1], all[3]}, {1, 3}}},
          {at::kDouble, bucket_bytes, GetParam()});
      for (int step = 0; step < 2; ++step) {
        run_step(buckets, all, ranks, GetParam() == GradientSharding::Always);
        expect_sums(buckets, 0, all, {0, 2, 4}, {0, 1, 2}, 3);
        expect_sums(buckets, 1, all, {1, 3}, {ranks.rank()}, 3);
      }
    });
}

INSTANTIATE_TEST_SUITE_P(Shardings, GradientBucketsOf,
                         ::testing::Values(GradientSharding::None, GradientSharding::AfterReduction,
                                           GradientSharding::Always));

/// The first of two ranks: counts what it would reduce.
class Counting final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 2; }
  Work all_reduce(at::Tensor, ReduceOp, const char*) override {
    ++count;
    return {};
  }
  Work reduce_scatter(at::Tensor, at::Tensor, ReduceOp, const char*) override { return {}; }
  Work all_gather(at::Tensor, at::Tensor, const char*) override { return {}; }
  Work broadcast(at::Tensor, int, const char*) override { return {}; }
  Work all_to_all(at::Tensor, at::Tensor, std::span<const std::int64_t>,
                  std::span<const std::int64_t>, const char*) override {
    return {};
  }
  Work send(at::Tensor, int, const char*) override { return {}; }
  Work receive(at::Tensor, int, const char*) override { return {}; }
  void barrier(const char*) override {}
  std::unique_ptr<Communicator> split(int, int) override { return nullptr; }
  void abort(int exit_code) override { std::exit(exit_code); }
  int count = 0;
};

TEST(GradientBuckets, AreReducedWhileTheLastBackwardRuns) {
  Counting ranks;
  auto all = parameters();
  GradientBuckets buckets(grouped(all, ranks), {at::kDouble, 8, GradientSharding::None});
  buckets.start();
  buckets.begin_pass(false);
  backward(all, 0, 0);
  buckets.end_pass();
  EXPECT_EQ(ranks.count, 0);
  buckets.begin_pass(true);
  backward(all, 0, 1);
  EXPECT_EQ(ranks.count, 2) << "the unused one and those before it wait for launch()";
  buckets.end_pass();
  buckets.launch();
  EXPECT_EQ(ranks.count, 5);
}

TEST(GatherOwned, EveryRankGetsWhatTheOthersChanged) {
  for (const int size : {1, 2, 3})
    for (const std::int64_t bucket_bytes : {8, 150, 10000})
      test::ThreadRanks::run(size, [&](Communicator& ranks) {
        const at::NoGradGuard no_grad;
        std::vector<at::Tensor> all;
        for (const auto& parameter : parameters()) all.push_back(parameter.detach());
        all[1] = all[1].to(at::kBFloat16);
        const FlatPartition partition(all, bucket_bytes, 8, size, ranks.rank());
        for (const auto& range : partition.owned())
          all[range.parameter].view(-1).narrow(0, range.begin, range.size) +=
              at::arange(range.begin, range.begin + range.size);
        gather_owned(partition, all, ranks);
        for (const auto& parameter : all)
          EXPECT_TRUE(at::equal(parameter.view(-1).to(at::kDouble),
                                at::arange(parameter.numel(), at::kDouble) + 1.0));
      });
}

}  // namespace
}  // namespace r1::parallel
