#pragma once
// The channel between watchdogs over MPI: point-to-point messages on a communicator of its own.
#include <memory>

#include "mpi/watchdog.h"

namespace r1::mpi {

/// Collective over: world. Needs MPI_THREAD_MULTIPLE.
std::unique_ptr<WatchdogChannel> make_mpi_watchdog_channel();

}  // namespace r1::mpi
