#pragma once
// All ranks fail together: an error on one rank becomes the same error on every rank, so that no
// rank waits for one that has left (after GROMACS' coordinate_exception_handling).
#include <functional>

#include "parallel/communicator.h"

namespace r1::mpi {

/// Runs `work` on this rank (empty: this rank only takes part in the agreement); if it throws on
/// any rank, every rank throws the error of the lowest such rank: same type family, same message
/// (naming that rank), same exit code. `work` must not communicate over `comm`.
/// Collective over: comm.
void coordinate_errors(parallel::Communicator& comm, const std::function<void()>& work,
                       const char* label = "coordinate errors");

/// The same with `work` on rank 0 alone: what one rank does to files while the others wait for it.
/// Collective over: comm.
void first_rank_alone(parallel::Communicator& comm, const std::function<void()>& work,
                      const char* label);

}  // namespace r1::mpi
