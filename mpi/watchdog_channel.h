#pragma once
// The watchdogs' channel over MPI: point to point on a communicator of their own.
#include <memory>

#include "mpi/watchdog.h"

namespace r1::mpi {

/// Collective over: world. Needs MPI_THREAD_MULTIPLE.
std::unique_ptr<WatchdogChannel> make_mpi_watchdog_channel();

}  // namespace r1::mpi
