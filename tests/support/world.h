#pragma once
// What multi-rank tests share: the world communicator, and values that every rank can compute for
// every other rank.
#include <ATen/ATen.h>
#include <mpi.h>

#include <string>

#include "mpi/communicator.h"

namespace r1::test {

/// A new world communicator for one test. Collective over: world.
inline mpi::MpiCommunicator make_world() {
  return mpi::MpiCommunicator(MPI_COMM_WORLD, "world", mpi::Patience::Role);
}

/// The tensor that `rank` contributes: small integers, so that sums are exact in every dtype.
inline at::Tensor contribution(int rank, std::int64_t size, at::ScalarType dtype) {
  const auto index = at::arange(size, at::kLong);
  return ((index * 7 + rank * 3) % 11).to(dtype);
}

}  // namespace r1::test
