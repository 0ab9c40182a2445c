#pragma once
// The outermost frame of the program: an error that nobody handled is printed once per distinct
// message, then the job is aborted with the error's exit code.
#include <functional>

namespace r1::mpi {

/// Runs `program` (which makes the Environment) and returns its exit code. On an exception with a
/// world of several ranks: tells the other ranks' guards, waits up to two seconds for theirs, the
/// lowest rank that has a message prints it, MPI_Abort(exit code). A world of one rank: prints,
/// returns the exit code.
int run_guarded(const std::function<int()>& program);

/// Opens the channel over which failing ranks tell each other. Collective over: world. Called by
/// Environment.
void open_failure_channel();
void close_failure_channel();

}  // namespace r1::mpi
