#pragma once
// What --check reads of the inputs: each model's description and tokenizer, the first record of
// each file.
#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/stage.h"

namespace r1::mpi {

/// What the stage would fail on, one sentence each with key or file; files that are not there
/// are left to MissingInputs. `config`'s device is chosen.
std::vector<std::string> input_problems(const config::Config& config, config::Stage stage);

/// Models, files and folders that stages read and that are not there. The stages of a pipeline are
/// asked in their order: what an earlier stage writes, and what lies below {run}, does not count.
class MissingInputs {
 public:
  /// Those of the next stage, as "key: path does not exist".
  std::vector<std::string> of(const config::Config& config, config::Stage stage);

 private:
  std::set<std::string> made_;  // by the stages before
};

}  // namespace r1::mpi
