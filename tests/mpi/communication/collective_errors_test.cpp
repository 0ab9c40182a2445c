// An error on one rank becomes the same error on all of them.
#include "mpi/collective_errors.h"

#include <gtest/gtest.h>

#include "base/errors.h"
#include "support/world.h"

namespace r1::mpi {
namespace {

template <class F>
base::Error error_of(F call) {
  try {
    call();
  } catch (const base::Error& error) {
    return error;
  }
  return {"", base::ExitCode::Done};
}

class CoordinateErrors : public testing::Test {
 protected:
  MpiCommunicator world = test::make_world();
  const int last = world.size() - 1;

  void throw_input_error_on(int rank) {
    coordinate_errors(world, [&] {
      if (world.rank() == rank) throw base::InputError("data.jsonl:7: bad record");
    });
  }
};

TEST_F(CoordinateErrors, NoErrorReturnsOnAllRanks) {
  int ran = 0;
  coordinate_errors(world, [&] { ++ran; });
  EXPECT_EQ(ran, 1);
}

TEST_F(CoordinateErrors, OneRanksErrorReachesAllWithTypeMessageAndExitCode) {
  EXPECT_THROW(throw_input_error_on(last), base::InputError);
  const auto error = error_of([&] { throw_input_error_on(last); });
  EXPECT_EQ(error.exit_code(), base::ExitCode::BadInput);
  const std::string text = error.what();
  EXPECT_NE(text.find("data.jsonl:7: bad record"), std::string::npos) << text;
  if (world.size() > 1) {
    EXPECT_EQ(text.find("rank " + std::to_string(last)), 0U) << text;
  }
}

TEST_F(CoordinateErrors, TheLowestRanksErrorWins) {
  const auto error = error_of([&] {
    coordinate_errors(world, [&] {
      if (world.rank() == 0) throw std::runtime_error("of rank 0");
      throw base::ConfigError("of another rank");
    });
  });
  EXPECT_NE(std::string(error.what()).find("of rank 0"), std::string::npos);
  EXPECT_EQ(error.exit_code(), base::ExitCode::Failure);
}

TEST_F(CoordinateErrors, NestedErrorsNameTheRankOnce) {
  const auto error =
      error_of([&] { coordinate_errors(world, [&] { throw_input_error_on(last); }); });
  const std::string text = error.what();
  EXPECT_EQ(text.find("rank "), text.rfind("rank "));
}

TEST_F(CoordinateErrors, RanksMayTakePartWithoutWork) {
  const auto error = error_of([&] {
    if (world.rank() == 0)
      coordinate_errors(world, [] { throw base::NumericalError("loss is nan"); });
    else
      coordinate_errors(world, nullptr);
  });
  EXPECT_EQ(error.exit_code(), base::ExitCode::Failure);
}

// The communicator is usable afterwards: nobody was left behind in a call.
TEST_F(CoordinateErrors, CommunicationGoesOnAfterwards) {
  error_of([&] { throw_input_error_on(0); });
  EXPECT_EQ(world.all_reduce_scalar(1.0, parallel::ReduceOp::Sum, "after"), world.size());
}

}  // namespace
}  // namespace r1::mpi
