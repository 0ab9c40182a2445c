#pragma once
// run.device = "auto": the GPUs that the job has, or the CPU.
#include "communicator.h"
#include "config/load.h"

namespace r1::mpi {

/// Replaces "auto" by "cuda" where every rank sees a GPU, by "cpu" where none does, and says so.
/// Collective over: `world`. Throws: ConfigError where only some ranks see one, and where the
/// configuration needs a GPU and there is none.
void choose_devices(MpiCommunicator& world, config::LoadedConfig& loaded);

/// The same for a plan: by plan.machine, and for machine "auto" by this machine.
void choose_planned_device(config::Config& config);

}  // namespace r1::mpi
