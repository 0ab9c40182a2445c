// What NCCL's communicator promises beyond the calls (collectives_test.cpp): the watchdog's view,
// and groups. Skipped where a rank has no GPU of its own.
#include "mpi/nccl_communicator.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/errors.h"
#include "support/backends.h"

namespace r1::mpi {
namespace {

using parallel::ReduceOp;

class Nccl : public test::OnBackend<int> {
 protected:
  test::Backend backend() const override { return test::Backend::Nccl; }
};

TEST_P(Nccl, ACallThatHasEndedIsNoLongerListedThoughNobodyWaitedForIt) {
  auto tensor = at::ones({1 << 24}, options(at::kFloat));
  auto work = communicator().all_reduce(tensor, ReduceOp::Sum, "test");
  while (!work.test()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(CallRegistry::instance().waiting().empty());
}

// One rank stays away for a while: the others' registry names the call that their devices wait in.
TEST_P(Nccl, ACallThatTheDeviceWaitsInIsNamed) {
  if (size() == 1) GTEST_SKIP() << "needs 2 ranks";
  auto tensor = at::ones({1000}, options(at::kFloat));
  communicator().barrier("test");
  if (rank() > 0) {
    auto work = communicator().all_reduce(tensor, ReduceOp::Sum, "gradients");
    std::vector<PendingCall> waiting;
    while (waiting.empty()) waiting = CallRegistry::instance().waiting();
    EXPECT_EQ(std::string(waiting.front().call), "ncclAllReduce");
    EXPECT_EQ(waiting.front().label, "gradients");
    EXPECT_EQ(waiting.front().communicator, "world over NCCL");
    MPI_Barrier(MPI_COMM_WORLD);
  } else {
    MPI_Barrier(MPI_COMM_WORLD);
    communicator().all_reduce(tensor, ReduceOp::Sum, "gradients").wait();
  }
}

TEST_P(Nccl, ACallIsNotWaitedForInsideItsGroup) {
  auto tensor = at::ones({1000}, options(at::kFloat));
  communicator().group_begin();
  auto early = communicator().all_reduce(tensor, ReduceOp::Sum, "early");
  EXPECT_FALSE(early.test());
  EXPECT_THROW(early.wait(), base::InternalError);
  communicator().group_end();
  communicator().barrier("test");  // ends behind the call
  EXPECT_EQ(tensor.cpu()[0].item<float>(), static_cast<float>(size()));
}

TEST_P(Nccl, CallsOfAGroupAreLaunchedTogether) {
  auto first = at::full({1000}, 1.0F, options(at::kFloat));
  auto second = at::full({1000}, 2.0F, options(at::kFloat));
  communicator().group_begin();
  communicator().group_begin();  // groups nest
  auto one = communicator().all_reduce(first, ReduceOp::Sum, "test");
  communicator().group_end();
  auto two = communicator().all_reduce(second, ReduceOp::Sum, "test");
  communicator().group_end();
  one.wait();
  two.wait();
  EXPECT_EQ(first.cpu()[0].item<float>(), static_cast<float>(size()));
  EXPECT_EQ(second.cpu()[0].item<float>(), 2.0F * static_cast<float>(size()));
}

INSTANTIATE_TEST_SUITE_P(Gpu, Nccl, testing::Values(0));

TEST(NcclLibrary, WithoutAGpuSaysWhatIsMissing) {
  if (test::BackendWorld::of(test::Backend::MpiOnGpu).problem().empty())
    GTEST_SKIP() << "there is a GPU";
  try {
    NcclLibrary::instance();
    FAIL() << "no error";
  } catch (const base::Error& error) {
    const std::string text = error.what();
    const std::string expected =
        NcclLibrary::is_built() ? "LibTorch's CUDA part is not loaded" : "built without NCCL";
    EXPECT_NE(text.find(expected), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace r1::mpi
