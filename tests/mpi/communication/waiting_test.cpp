// A rank that waits leaves its core to others.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <thread>

#include "mpi/exchange.h"
#include "support/world.h"

namespace r1::mpi {
namespace {

constexpr auto kAbsence = std::chrono::milliseconds(1500);
// CPU time, not wall time: a spinning wait takes all of the absence, also on a loaded machine it
// takes its share; a wait with back-off takes about 2 %.
constexpr double kMostCpuSeconds = 0.3;

double cpu_seconds() {
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

TEST(Waiting, InACollectiveUsesLittleCpu) {
  auto world = test::make_world();
  const double before = cpu_seconds();
  if (world.rank() == 0) std::this_thread::sleep_for(kAbsence);
  world.barrier("test");
  EXPECT_LT(cpu_seconds() - before, kMostCpuSeconds);
}

TEST(Waiting, ForAMessageUsesLittleCpu) {
  Exchange exchange(MPI_COMM_WORLD);
  const int rank = world_rank();
  const double before = cpu_seconds();
  if (rank == 0) {
    std::this_thread::sleep_for(kAbsence);
    for (int to = 1; to < world_size(); ++to) exchange.send(to, 5, std::string("late"));
    exchange.flush();
  } else {
    EXPECT_EQ(exchange.receive<std::string>(0, 5), "late");
  }
  EXPECT_LT(cpu_seconds() - before, kMostCpuSeconds);
}

}  // namespace
}  // namespace r1::mpi
