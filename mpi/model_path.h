#pragma once
// Models by the run that made them: a run folder, alone or with "latest", "best" or the number of a
// step behind it, means one of its checkpoints, chosen as a restart of that run would choose.
#include <map>
#include <string>

#include "config/config.h"
#include "parallel/communicator.h"

namespace r1::mpi {

/// The checkpoint that `path` means ("runs/rl1", "runs/rl1/latest", "runs/rl1/best",
/// "runs/rl1/400"), or `path` itself when it names no run folder. A folder with config.json is a
/// model, whatever else it holds. Collective over `communicator`.
/// Throws: InputError naming the steps that are there, and what was refused and why.
std::string find_model(const std::string& path, parallel::Communicator& communicator);

/// The same for a command of one process.
std::string find_model(const std::string& path);

/// Replaces every model path of the configuration by what it means. `known`: what such paths meant
/// at an earlier start, which counts; new ones are added, and the checkpoint is kept in
/// `pin_folder` (checkpoint/pin.h), because its own run may prune it. Collective over
/// `communicator`.
void find_models(config::Config& config, std::map<std::string, std::string>& known,
                 const std::string& pin_folder, parallel::Communicator& communicator);

/// Whether a model path of the configuration lies in `folder` or is that folder.
bool uses_models_of(config::Config config, const std::string& folder);

}  // namespace r1::mpi
