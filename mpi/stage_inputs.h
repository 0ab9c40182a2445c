#pragma once
// What --check reads of the inputs: each model's description and tokenizer, the first record of
// each file.
#include <string>
#include <vector>

#include "config/config.h"
#include "config/stage.h"

namespace r1::mpi {

/// What the stage would fail on, one sentence each with key or file; files that are not there
/// are left to missing_inputs. `config`'s device is chosen.
std::vector<std::string> input_problems(const config::Config& config, config::Stage stage);

/// Models, files and folders that the stage reads and that are not there, as "key: path does not
/// exist". Paths below {run} do not count: earlier stages of the run make them.
std::vector<std::string> missing_inputs(const config::Config& config, config::Stage stage);

}  // namespace r1::mpi
