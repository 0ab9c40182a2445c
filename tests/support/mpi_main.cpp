// main() of the multi-rank tests: every rank runs every test; rank 0 prints, other ranks print
// failures only; a test that hangs is ended by the watchdog; all ranks return the worst result.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <mpi.h>

#include <cstdio>
#include <memory>
#include <string>

#include "mpi/environment.h"
#include "mpi/run_guarded.h"
#include "mpi/watchdog.h"
#include "mpi/watchdog_channel.h"
#include "support/environment.h"

namespace {

constexpr double kHangSeconds = 60.0;  // far above what any test waits, also on a loaded machine

class FailurePrinter final : public testing::EmptyTestEventListener {
 public:
  explicit FailurePrinter(int rank) : rank_(rank) {}
  void OnTestStart(const testing::TestInfo& test) override {
    test_ = std::string(test.test_suite_name()) + "." + test.name();
  }
  // GoogleTest holds its lock here: asking it for the current test would wait for ever.
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (result.failed())
      std::fprintf(stderr, "[rank %d] %s\n%s:%d: %s\n", rank_, test_.c_str(),
                   result.file_name() != nullptr ? result.file_name() : "", result.line_number(),
                   result.message());
  }

 private:
  int rank_;
  std::string test_;
};

r1::mpi::Environment* the_environment = nullptr;

}  // namespace

r1::mpi::Environment& r1::test::environment() {
  return *the_environment;
}

int main(int argc, char** argv) {
  return r1::mpi::run_guarded([&] {
    r1::mpi::Environment environment(argc, argv);
    the_environment = &environment;
    testing::InitGoogleTest(&argc, argv);
    at::set_num_threads(1);
    if (environment.rank() != 0) {
      auto& listeners = testing::UnitTest::GetInstance()->listeners();
      delete listeners.Release(listeners.default_result_printer());
      listeners.Append(new FailurePrinter(environment.rank()));
    }
    r1::mpi::Watchdog watchdog(
        r1::mpi::CallRegistry::instance(), r1::mpi::make_mpi_watchdog_channel(),
        {.collective = kHangSeconds, .role = kHangSeconds}, environment.host());
    int worst = RUN_ALL_TESTS();
    MPI_Allreduce(MPI_IN_PLACE, &worst, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    return worst;
  });
}
