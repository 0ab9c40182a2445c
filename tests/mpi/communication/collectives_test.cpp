// Every call of a communicator against a serial computation, for every dtype, at any number of
// ranks, over MPI with CPU tensors, MPI with GPU tensors, and NCCL.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/errors.h"
#include "base/timer.h"
#include "support/backends.h"
#include "tensor/dtype.h"

namespace r1::mpi {
namespace {

using parallel::ReduceOp;
using parallel::Work;
using test::Backend;
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

class Collectives : public test::OnBackend<std::tuple<Backend, at::ScalarType>> {
 protected:
  Backend backend() const override { return std::get<0>(GetParam()); }
  const at::ScalarType dtype = std::get<1>(GetParam());
};

TEST_P(Collectives, AllReduceEqualsTheSerialReduction) {
  for (const auto length : kSizes)
    for (const auto op : {ReduceOp::Sum, ReduceOp::Max, ReduceOp::Min}) {
      auto tensor = here(contribution(rank(), length, dtype));
      communicator().all_reduce(tensor, op, "test").wait();
      if (length > 0) {
        EXPECT_TRUE(at::equal(tensor.cpu(), reduced(contributions(size(), length, dtype), op)));
      }
    }
}

TEST_P(Collectives, ReduceScatterGivesThisRanksPieceOfTheSum) {
  for (const auto length : kSizes) {
    const auto whole = here(contribution(rank(), length * size(), dtype));
    auto piece = at::empty({length}, options(dtype));
    communicator().reduce_scatter(piece, whole, ReduceOp::Sum, "test").wait();
    const auto sum = reduced(contributions(size(), length * size(), dtype), ReduceOp::Sum);
    EXPECT_TRUE(at::equal(piece.cpu(), sum.narrow(0, length * rank(), length)));
  }
}

TEST_P(Collectives, AllGatherPutsPiecesInRankOrder) {
  for (const auto length : kSizes) {
    auto all = at::empty({length * size(), 3}, options(dtype));
    const auto own = here(contribution(rank(), length * 3, dtype).view({length, 3}));
    communicator().all_gather(all, own, "test").wait();
    EXPECT_TRUE(
        at::equal(all.cpu(), at::cat(contributions(size(), length * 3, dtype)).view({-1, 3})));
  }
}

TEST_P(Collectives, BroadcastCopiesTheRootsTensor) {
  for (int root = 0; root < size(); ++root) {
    auto tensor = here(contribution(rank(), 5000, dtype));
    communicator().broadcast(tensor, root, "test").wait();
    EXPECT_TRUE(at::equal(tensor.cpu(), contribution(root, 5000, dtype)));
  }
}

// Rank r sends r + p rows to peer p; the rows carry sender and receiver. Rank 0 sends itself none.
TEST_P(Collectives, AllToAllMovesUnevenRows) {
  const auto rows = [](int from, int to) {
    return at::full({from + to, 2}, from * 10 + to, at::kLong);
  };
  std::vector<at::Tensor> sent, expected;
  std::vector<std::int64_t> send_splits, receive_splits;
  for (int peer = 0; peer < size(); ++peer) {
    sent.push_back(rows(rank(), peer));
    expected.push_back(rows(peer, rank()));
    send_splits.push_back(sent.back().size(0));
    receive_splits.push_back(expected.back().size(0));
  }
  auto output = at::empty_like(here(at::cat(expected).to(dtype)));
  communicator()
      .all_to_all(output, here(at::cat(sent).to(dtype)), receive_splits, send_splits, "test")
      .wait();
  EXPECT_TRUE(at::equal(output.cpu(), at::cat(expected).to(dtype)));
}

// On one rank: to itself.
TEST_P(Collectives, RingOfSendAndReceive) {
  const int next = (rank() + 1) % size();
  const int previous = (rank() + size() - 1) % size();
  auto received = at::empty({5000}, options(dtype));
  communicator().group_begin();
  auto receiving = communicator().receive(received, previous, "test");
  auto sending = communicator().send(here(contribution(rank(), 5000, dtype)), next, "test");
  communicator().group_end();
  sending.wait();
  receiving.wait();
  EXPECT_TRUE(at::equal(received.cpu(), contribution(previous, 5000, dtype)));
}

INSTANTIATE_TEST_SUITE_P(EveryDtype, Collectives,
                         testing::Combine(testing::Values(Backend::Mpi, Backend::MpiOnGpu,
                                                          Backend::Nccl),
                                          testing::Values(at::kDouble, at::kFloat, at::kBFloat16,
                                                          at::kInt, at::kLong, at::kByte)),
                         [](const auto& info) {
                           return test::backend_name(std::get<0>(info.param)) + "_" +
                                  tensor::dtype_name(std::get<1>(info.param));
                         });

class EveryBackend : public test::OnBackend<Backend> {
 protected:
  Backend backend() const override { return GetParam(); }
};

// Whoever comes first: the order of a sum is the algorithm's, not that of arrival.
TEST_P(EveryBackend, SameBitsEveryTimeAndOnEveryRank) {
  for (const std::int64_t length : {3, 20000}) {
    const auto own = here(at::sin(at::arange(length * size(), at::kFloat) * (rank() + 1)) * 1e3);
    auto first = own.clone();
    auto first_piece = at::empty({length}, own.options());
    communicator().all_reduce(first, ReduceOp::Sum, "test").wait();
    communicator().reduce_scatter(first_piece, own, ReduceOp::Sum, "test").wait();
    for (int repeat = 0; repeat < 5; ++repeat) {
      std::this_thread::sleep_for(std::chrono::milliseconds(3 * ((rank() + repeat) % size())));
      auto again = own.clone();
      auto piece = at::empty_like(first_piece);
      communicator().all_reduce(again, ReduceOp::Sum, "test").wait();
      communicator().reduce_scatter(piece, own, ReduceOp::Sum, "test").wait();
      EXPECT_TRUE(at::equal(first, again));
      EXPECT_TRUE(at::equal(first_piece, piece));
    }
    auto of_rank_0 = first.clone();
    communicator().broadcast(of_rank_0, 0, "test").wait();
    EXPECT_TRUE(at::equal(first, of_rank_0));
  }
}

TEST_P(EveryBackend, SeveralInFlightCompleteInAnyOrder) {
  std::vector<at::Tensor> tensors;
  std::vector<Work> works;
  for (int i = 0; i < 8; ++i) {
    tensors.push_back(at::full({3000}, static_cast<float>(i), options(at::kFloat)));
    works.push_back(communicator().all_reduce(tensors.back(), ReduceOp::Sum, "test"));
  }
  for (std::size_t i = works.size(); i-- > 0;) works[i].wait();
  for (int i = 0; i < 8; ++i)
    EXPECT_TRUE(at::equal(tensors[static_cast<std::size_t>(i)].cpu(),
                          at::full({3000}, static_cast<float>(i * size()))));
}

// Work before and behind a call keeps its order without a wait of the host: a result is used at
// once, and its memory handed to the next call.
TEST_P(EveryBackend, CallsAreOrderedWithTheWorkAroundThem) {
  auto value = at::ones({1 << 20}, options(at::kDouble));
  constexpr int kRounds = 20;
  for (int round = 0; round < kRounds; ++round) {
    auto sum = value * 2.0;
    communicator().all_reduce(sum, ReduceOp::Sum, "test").wait();
    value = sum / (2.0 * size()) + 1.0;
  }
  EXPECT_TRUE(at::equal(value.cpu(), at::full({1 << 20}, kRounds + 1.0, at::kDouble)));
}

// The tensors of a call belong to nobody else until it is done.
TEST_P(EveryBackend, TensorsLiveUntilTheCallIsDone) {
  auto result = at::empty({size() * (1 << 20)}, options(at::kFloat));
  Work gathering;
  {
    auto own = at::full({1 << 20}, static_cast<float>(rank()), options(at::kFloat));
    gathering = communicator().all_gather(result, own, "test");
  }
  auto other = at::full({1 << 20}, -1.0F, options(at::kFloat));  // would get its memory
  gathering.wait();
  for (int peer = 0; peer < size(); ++peer)
    EXPECT_EQ(result[peer * (1 << 20) + 77].item<float>(), static_cast<float>(peer));
}

TEST_P(EveryBackend, TestSaysWhenACallIsDone) {
  auto tensor = at::ones({1000}, options(at::kFloat));
  auto work = communicator().all_reduce(tensor, ReduceOp::Sum, "test");
  while (!work.test()) {
  }
  EXPECT_EQ(tensor.cpu()[999].item<float>(), static_cast<float>(size()));
}

TEST_P(EveryBackend, CpuTensorsToo) {
  EXPECT_EQ(communicator().all_reduce_scalar(rank(), ReduceOp::Max, "test"), size() - 1);
  auto pieces = at::empty({size()}, at::kInt);
  communicator().all_gather(pieces, at::full({1}, rank(), at::kInt), "test").wait();
  EXPECT_TRUE(at::equal(pieces, at::arange(size(), at::kInt)));
}

// A rank that leaves the barrier knows what every other rank did before it.
TEST_P(EveryBackend, BarrierWaitsForAll) {
  for (int late = 0; late < size(); ++late) {
    if (rank() == late) std::this_thread::sleep_for(std::chrono::milliseconds(30));
    const double arrived = base::monotonic_seconds();
    communicator().barrier("test");
    const double left = base::monotonic_seconds();
    // One host has one steady clock; ranks on several hosts are not compared.
    MPI_Comm node = MPI_COMM_NULL;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    const CommHandle handle(node);
    double last = arrived;
    MPI_Allreduce(MPI_IN_PLACE, &last, 1, MPI_DOUBLE, MPI_MAX, node);
    EXPECT_GE(left, last);
  }
}

TEST_P(EveryBackend, SplitGroupsByColourInTheOrderOfKeys) {
  const auto part = communicator().split(rank() % 2, -rank());
  const int members = (size() + 1 - rank() % 2) / 2;
  EXPECT_EQ(part->size(), members);
  EXPECT_EQ(part->rank(), members - 1 - rank() / 2);
  auto sum = at::full({1}, rank(), options(at::kInt));
  part->all_reduce(sum, ReduceOp::Sum, "test").wait();
  int expected = 0;
  for (int peer = rank() % 2; peer < size(); peer += 2) expected += peer;
  EXPECT_EQ(sum.item<int>(), expected);
}

TEST_P(EveryBackend, NegativeColourJoinsNoGroup) {
  const auto part = communicator().split(rank() == 0 ? 0 : -1, 0);
  EXPECT_EQ(part != nullptr, rank() == 0);
}

// Message of the error that `call` throws; empty when it throws none.
template <class F>
std::string failure_of(F call) {
  try {
    call();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.exit_code(), base::ExitCode::Failure);
    return error.what();
  }
  return {};
}

TEST_P(EveryBackend, ErrorsNameCallAndLabel) {
  const auto transposed = at::zeros({4, 3}, options(at::kFloat)).t();
  const auto message =
      failure_of([&] { communicator().broadcast(transposed, 0, "my label").wait(); });
  const std::string call = GetParam() == Backend::Nccl ? "ncclBroadcast" : "MPI_Ibcast";
  EXPECT_NE(message.find(call + " 'my label'"), std::string::npos) << message;
  EXPECT_NE(message.find("not contiguous"), std::string::npos) << message;
  const auto one = at::zeros({1}, options(at::kFloat));
  EXPECT_NE(failure_of([&] { communicator().send(one, size(), "x").wait(); }), "");
  EXPECT_NE(failure_of([&] {
              auto flags = at::zeros({1}, options(at::kBool));
              communicator().all_reduce(flags, ReduceOp::Sum, "x").wait();
            }),
            "");
  EXPECT_NE(failure_of([&] {
              auto wrong = at::zeros({3 * size() + 1}, options(at::kFloat));
              communicator().all_gather(wrong, one, "x").wait();
            }),
            "");
  EXPECT_NE(failure_of([&] {
              const std::vector<std::int64_t> splits(static_cast<std::size_t>(size()), 7);
              communicator().all_to_all(one, one, splits, splits, "x").wait();
            }),
            "");
}

INSTANTIATE_TEST_SUITE_P(Backends, EveryBackend,
                         testing::Values(Backend::Mpi, Backend::MpiOnGpu, Backend::Nccl),
                         [](const auto& info) { return test::backend_name(info.param); });

// 256 + 1 is 256 in bfloat16: a sum that rounds at every addition loses all the ones.
TEST(Reductions, Bfloat16IsSummedInFp32OverMpi) {
  auto world = test::make_world();
  if (world.size() < 4) GTEST_SKIP() << "needs 4 ranks";
  auto tensor = at::full({1}, world.rank() == 0 ? 256.0 : 1.0, at::kBFloat16);
  world.all_reduce(tensor, ReduceOp::Sum, "test").wait();
  const auto exact = at::tensor({256.0F + static_cast<float>(world.size() - 1)});
  EXPECT_TRUE(at::equal(tensor, exact.to(at::kBFloat16)));
  EXPECT_GT(tensor.item<float>(), 256.0F);
}

TEST(CommunicatorErrors, ShortMessageIsAnErrorOverMpi) {
  auto world = test::make_world();
  if (world.size() == 1) GTEST_SKIP() << "needs 2 ranks";
  if (world.rank() == 0) world.send(at::zeros({4}), 1, "short").wait();
  if (world.rank() == 1) {
    auto tensor = at::zeros({5});
    const auto message = failure_of([&] { world.receive(tensor, 0, "short").wait(); });
    EXPECT_NE(message.find("expected 20 bytes, received 16"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace r1::mpi
