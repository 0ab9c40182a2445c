#pragma once
// Model paths that name a run: a run folder, optionally followed by "latest", "best" or the number
// of a step, means one of the run's checkpoints. A restart of the run would choose by the same
// rules.
#include <map>
#include <string>

#include "config/config.h"
#include "parallel/communicator.h"

namespace r1::mpi {

/// Returns the checkpoint that `path` means ("runs/rl1", "runs/rl1/latest", "runs/rl1/best",
/// "runs/rl1/400"), or `path` itself if it names no run folder. A folder with config.json is a
/// model, whatever else it contains. Collective over: communicator. Throws: InputError naming the
/// existing steps, and the refused checkpoints with reasons.
std::string find_model(const std::string& path, parallel::Communicator& communicator);

/// Whether files, or a run folder that the path means, lie at a model path.
bool model_exists(const std::string& path);

/// find_model() for a command of one process.
std::string find_model(const std::string& path);

/// Replaces every model path of the configuration by the result of find_model(). `known`: results
/// of an earlier start, which take precedence; new results are added. The checkpoint of a result is
/// kept in `pin_folder` (checkpoint/pin.h), because the checkpoint's own run may prune it.
/// Collective over: communicator.
void find_models(config::Config& config, std::map<std::string, std::string>& known,
                 const std::string& pin_folder, parallel::Communicator& communicator);

/// Whether a model path of the configuration is `folder` or lies in `folder`.
bool uses_models_of(config::Config config, const std::string& folder);

}  // namespace r1::mpi
