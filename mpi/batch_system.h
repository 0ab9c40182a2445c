#pragma once
// What the batch system says of a job.
#include "checkpoint/lock.h"

namespace r1::mpi {

/// Whether the Slurm job that holds a lock still runs (squeue). Unknown outside Slurm, for an owner
/// that named no job, and when Slurm does not answer within ten seconds.
checkpoint::HolderState ask_slurm(const checkpoint::LockOwner& owner);

}  // namespace r1::mpi
