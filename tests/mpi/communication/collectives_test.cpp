// Every collective of MpiCommunicator against a serial computation, for every dtype, at any number
// of ranks.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/errors.h"
#include "support/world.h"
#include "tensor/dtype.h"

namespace r1::mpi {
namespace {

using parallel::ReduceOp;
using parallel::Work;
using test::contribution;

constexpr std::int64_t kSizes[] = {0, 1, 33, 5000};  // below and above the eager limit

at::Tensor reduced(const std::vector<at::Tensor>& parts, ReduceOp op) {
  const auto all = at::stack(parts);
  if (op == ReduceOp::Sum) return all.sum(0).to(parts[0].scalar_type());
  return op == ReduceOp::Max ? all.amax(0) : all.amin(0);
}

std::vector<at::Tensor> contributions(int ranks, std::int64_t size, at::ScalarType dtype) {
  std::vector<at::Tensor> parts;
  for (int rank = 0; rank < ranks; ++rank) parts.push_back(contribution(rank, size, dtype));
  return parts;
}

class Collectives : public testing::TestWithParam<at::ScalarType> {
 protected:
  MpiCommunicator world = test::make_world();
  const at::ScalarType dtype = GetParam();
};

TEST_P(Collectives, AllReduceEqualsTheSerialReduction) {
  for (const auto size : kSizes)
    for (const auto op : {ReduceOp::Sum, ReduceOp::Max, ReduceOp::Min}) {
      auto tensor = contribution(world.rank(), size, dtype);
      world.all_reduce(tensor, op, "test").wait();
      if (size > 0) {
        EXPECT_TRUE(at::equal(tensor, reduced(contributions(world.size(), size, dtype), op)));
      }
    }
}

TEST_P(Collectives, ReduceScatterGivesThisRanksPieceOfTheSum) {
  for (const auto size : kSizes) {
    const auto whole = contribution(world.rank(), size * world.size(), dtype);
    auto piece = at::empty({size}, dtype);
    world.reduce_scatter(piece, whole, ReduceOp::Sum, "test").wait();
    const auto sum =
        reduced(contributions(world.size(), size * world.size(), dtype), ReduceOp::Sum);
    EXPECT_TRUE(at::equal(piece, sum.narrow(0, size * world.rank(), size)));
  }
}

TEST_P(Collectives, AllGatherPutsPiecesInRankOrder) {
  for (const auto size : kSizes) {
    auto all = at::empty({size * world.size(), 3}, dtype);
    const auto own = contribution(world.rank(), size * 3, dtype).view({size, 3});
    world.all_gather(all, own, "test").wait();
    EXPECT_TRUE(
        at::equal(all, at::cat(contributions(world.size(), size * 3, dtype)).view({-1, 3})));
  }
}

TEST_P(Collectives, BroadcastCopiesTheRootsTensor) {
  for (int root = 0; root < world.size(); ++root) {
    auto tensor = contribution(world.rank(), 5000, dtype);
    world.broadcast(tensor, root, "test").wait();
    EXPECT_TRUE(at::equal(tensor, contribution(root, 5000, dtype)));
  }
}

// Rank r sends r + p rows to peer p; the rows carry sender and receiver.
TEST_P(Collectives, AllToAllMovesUnevenRows) {
  const auto rows = [](int from, int to) {
    return at::full({from + to, 2}, from * 10 + to, at::kLong);
  };
  std::vector<at::Tensor> sent, expected;
  std::vector<std::int64_t> send_splits, receive_splits;
  for (int peer = 0; peer < world.size(); ++peer) {
    sent.push_back(rows(world.rank(), peer));
    expected.push_back(rows(peer, world.rank()));
    send_splits.push_back(sent.back().size(0));
    receive_splits.push_back(expected.back().size(0));
  }
  auto output = at::empty_like(at::cat(expected).to(dtype));
  world.all_to_all(output, at::cat(sent).to(dtype), receive_splits, send_splits, "test").wait();
  EXPECT_TRUE(at::equal(output, at::cat(expected).to(dtype)));
}

TEST_P(Collectives, RingOfSendAndReceive) {
  if (world.size() == 1) GTEST_SKIP() << "needs 2 ranks";
  const int next = (world.rank() + 1) % world.size();
  const int previous = (world.rank() + world.size() - 1) % world.size();
  auto received = at::empty({5000}, dtype);
  auto receiving = world.receive(received, previous, "test");
  world.send(contribution(world.rank(), 5000, dtype), next, "test").wait();
  receiving.wait();
  EXPECT_TRUE(at::equal(received, contribution(previous, 5000, dtype)));
}

INSTANTIATE_TEST_SUITE_P(EveryDtype, Collectives,
                         testing::Values(at::kDouble, at::kFloat, at::kBFloat16, at::kInt,
                                         at::kLong, at::kByte),
                         [](const auto& info) { return tensor::dtype_name(info.param); });

// 256 + 1 is 256 in bfloat16: a sum that rounds at every addition loses all the ones.
TEST(Reductions, Bfloat16IsSummedInFp32) {
  auto world = test::make_world();
  if (world.size() < 4) GTEST_SKIP() << "needs 4 ranks";
  auto tensor = at::full({1}, world.rank() == 0 ? 256.0 : 1.0, at::kBFloat16);
  world.all_reduce(tensor, ReduceOp::Sum, "test").wait();
  const auto exact = at::tensor({256.0F + static_cast<float>(world.size() - 1)});
  EXPECT_TRUE(at::equal(tensor, exact.to(at::kBFloat16)));
  EXPECT_GT(tensor.item<float>(), 256.0F);
}

TEST(Reductions, SameBitsEveryTimeAndOnEveryRank) {
  auto world = test::make_world();
  for (const std::int64_t size : {3, 20000}) {
    const auto own = at::sin(at::arange(size, at::kFloat) * (world.rank() + 1)) * 1e3;
    auto first = own.clone();
    world.all_reduce(first, ReduceOp::Sum, "test").wait();
    for (int repeat = 0; repeat < 5; ++repeat) {
      auto again = own.clone();
      world.all_reduce(again, ReduceOp::Sum, "test").wait();
      EXPECT_TRUE(at::equal(first, again));
    }
    auto of_rank_0 = first.clone();
    world.broadcast(of_rank_0, 0, "test").wait();
    EXPECT_TRUE(at::equal(first, of_rank_0));
  }
}

TEST(CollectivesInFlight, SeveralCompleteInAnyOrder) {
  auto world = test::make_world();
  std::vector<at::Tensor> tensors;
  std::vector<Work> works;
  for (int i = 0; i < 8; ++i) {
    tensors.push_back(at::full({3000}, static_cast<float>(i)));
    works.push_back(world.all_reduce(tensors.back(), ReduceOp::Sum, "test"));
  }
  for (std::size_t i = works.size(); i-- > 0;) works[i].wait();
  for (int i = 0; i < 8; ++i)
    EXPECT_TRUE(at::equal(tensors[static_cast<std::size_t>(i)],
                          at::full({3000}, static_cast<float>(i * world.size()))));
}

TEST(Split, GroupsByColourInTheOrderOfKeys) {
  auto world = test::make_world();
  const auto part = world.split(world.rank() % 2, -world.rank());
  const int members = (world.size() + 1 - world.rank() % 2) / 2;
  EXPECT_EQ(part->size(), members);
  EXPECT_EQ(part->rank(), members - 1 - world.rank() / 2);
  auto sum = at::full({1}, world.rank(), at::kInt);
  part->all_reduce(sum, ReduceOp::Sum, "test").wait();
  int expected = 0;
  for (int rank = world.rank() % 2; rank < world.size(); rank += 2) expected += rank;
  EXPECT_EQ(sum.item<int>(), expected);
}

TEST(Split, NegativeColourJoinsNoGroup) {
  auto world = test::make_world();
  const auto part = world.split(world.rank() == 0 ? 0 : -1, 0);
  EXPECT_EQ(part != nullptr, world.rank() == 0);
}

// Message of the MpiError that `call` throws; empty when it throws none.
template <class F>
std::string mpi_error_of(F call) {
  try {
    call();
  } catch (const base::MpiError& error) {
    return error.what();
  }
  return {};
}

TEST(CommunicatorErrors, NameCallAndLabel) {
  auto world = test::make_world();
  const auto transposed = at::zeros({4, 3}).t();
  const auto message = mpi_error_of([&] { world.broadcast(transposed, 0, "my label").wait(); });
  EXPECT_NE(message.find("MPI_Ibcast 'my label'"), std::string::npos) << message;
  EXPECT_NE(message.find("not contiguous"), std::string::npos) << message;
  EXPECT_NE(mpi_error_of([&] { world.send(at::zeros({1}), world.size(), "x").wait(); }), "");
  EXPECT_NE(
      mpi_error_of([&] { world.all_reduce(at::zeros({1}, at::kBool), ReduceOp::Sum, "x").wait(); }),
      "");
  EXPECT_NE(mpi_error_of([&] { world.all_gather(at::zeros({1}), at::zeros({7}), "x").wait(); }),
            "");
}

TEST(CommunicatorErrors, ShortMessageIsAnError) {
  auto world = test::make_world();
  if (world.size() == 1) GTEST_SKIP() << "needs 2 ranks";
  if (world.rank() == 0) world.send(at::zeros({4}), 1, "short").wait();
  if (world.rank() == 1) {
    auto tensor = at::zeros({5});
    const auto message = mpi_error_of([&] { world.receive(tensor, 0, "short").wait(); });
    EXPECT_NE(message.find("expected 20 bytes, received 16"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace r1::mpi
