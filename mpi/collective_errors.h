#pragma once
// Coordinated errors: an error on one rank becomes the same error on every rank, so that no rank
// waits for a rank that has left (after GROMACS' coordinate_exception_handling).
#include <functional>

#include "parallel/communicator.h"

namespace r1::mpi {

/// Runs `work` on this rank; an empty `work` only takes part in the agreement. If `work` throws on
/// any rank, every rank throws the error of the lowest such rank, with the same error type, message
/// (naming that rank) and exit code. `work` must not communicate over `comm`. Collective over:
/// comm.
void coordinate_errors(parallel::Communicator& comm, const std::function<void()>& work,
                       const char* label = "coordinate errors");

/// coordinate_errors() with `work` only on rank 0, for file operations of one rank. Collective
/// over: comm.
void first_rank_alone(parallel::Communicator& comm, const std::function<void()>& work,
                      const char* label);

}  // namespace r1::mpi
