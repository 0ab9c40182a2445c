#pragma once
// MPI's life in a multi-rank test binary (support/mpi_main.cpp).
#include "mpi/environment.h"

namespace r1::test {

/// The environment that main() made.
mpi::Environment& environment();

}  // namespace r1::test
