// What communicators and exchanges count of their messages.
#include "mpi/traffic.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>

#include "mpi/exchange.h"
#include "mpi/step_meter.h"
#include "support/world.h"

namespace r1::mpi {
namespace {

constexpr std::int64_t kElements = 100;
constexpr std::int64_t kBytes = kElements * 4;

Traffic traffic_of(const std::function<void()>& calls) {
  const auto before = TrafficCounter::instance().total();
  calls();
  return TrafficCounter::instance().total() - before;
}

void expect_traffic(const Traffic& found, std::int64_t messages, std::int64_t bytes) {
  EXPECT_EQ(found.messages, messages);
  EXPECT_EQ(found.bytes, bytes);
}

TEST(Traffic, ACollectiveIsOneMessageOfEachRankInAnyWorld) {
  auto world = test::make_world();
  const bool alone = world.size() == 1;
  auto tensor = at::ones({kElements});
  expect_traffic(
      traffic_of([&] { world.all_reduce(tensor, parallel::ReduceOp::Sum, "test").wait(); }),
      alone ? 0 : 1, alone ? 0 : 2 * kBytes);
  expect_traffic(traffic_of([&] { world.broadcast(tensor, 0, "test").wait(); }), alone ? 0 : 1,
                 alone ? 0 : kBytes);
}

TEST(Traffic, WhatIsGatheredFromAllRanksGrowsWithThem) {
  auto world = test::make_world();
  const auto piece = at::ones({kElements});
  auto all = at::empty({kElements * world.size()});
  const auto found = traffic_of([&] { world.all_gather(all, piece, "test").wait(); });
  if (world.size() > 1) expect_traffic(found, 1, kBytes * (1 + world.size()));
}

TEST(Traffic, AnAllToAllCountsItsPeers) {
  auto world = test::make_world();
  const std::int64_t others = world.size() - 1;
  const auto rows = at::ones({world.size(), kElements});
  auto received = at::empty_like(rows);
  const std::vector<std::int64_t> one_each(static_cast<std::size_t>(world.size()), 1);
  const auto found =
      traffic_of([&] { world.all_to_all(received, rows, one_each, one_each, "test").wait(); });
  expect_traffic(found, 2 * others, 2 * others * kBytes);
}

TEST(Traffic, AMessageCountsAtBothEnds) {
  auto world = test::make_world();
  if (world.size() == 1) GTEST_SKIP() << "needs another rank";
  Exchange exchange(world.handle());
  auto tensor = at::ones({kElements});
  const auto transfer = traffic_of([&] {
    if (world.rank() == 0) world.send(tensor, 1, "test").wait();
    if (world.rank() == 1) world.receive(tensor, 0, "test").wait();
  });
  const bool takes_part = world.rank() < 2;
  expect_traffic(transfer, takes_part ? 1 : 0, takes_part ? kBytes : 0);
  const auto message = traffic_of([&] {
    if (world.rank() == 0) exchange.send(1, 7, tensor);
    if (world.rank() == 1) exchange.receive<at::Tensor>(0, 7);
    exchange.flush();
  });
  EXPECT_EQ(message.messages, takes_part ? 2 : 0) << "what it is, and the tensor";
  EXPECT_EQ(message.bytes > kBytes, takes_part);
  world.barrier("test");
}

TEST(Traffic, WhatARankSaysToItselfIsNoMessage) {
  auto world = test::make_world();
  Exchange exchange(world.handle());
  expect_traffic(traffic_of([&] {
                   exchange.send(world.rank(), 7, at::ones({kElements}));
                   exchange.receive<at::Tensor>(world.rank(), 7);
                 }),
                 0, 0);
}

TEST(Traffic, AStagesTotalIsWithoutEarlierStages) {
  auto world = test::make_world();
  if (world.size() == 1) GTEST_SKIP() << "needs another rank";
  RoleGroups groups(world, RoleLayout({{.name = kPolicy}}, world.size()));
  auto large = at::ones({100 * kElements}), small = at::ones({kElements});
  world.all_reduce(large, parallel::ReduceOp::Sum, "an earlier stage").wait();
  StepMeter meter(world, groups, at::kCPU);
  world.all_reduce(small, parallel::ReduceOp::Sum, "this stage").wait();
  const auto total = fmt::format(
      "1 messages and {0:.3g} MB a rank, 1 and {0:.3g} MB on the busiest", 2e-6 * kBytes);
  EXPECT_EQ(meter.describe_total(), total);
}

}  // namespace
}  // namespace r1::mpi
