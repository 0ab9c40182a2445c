#pragma once
// The spawner process: starts, kills and reaps workers on request, and ends all workers when the
// program ends.

namespace r1::rewards::workers {

/// Runs until the program closes its end of `control` or dies. Returns the exit status.
int run_spawner(int control);

}  // namespace r1::rewards::workers
