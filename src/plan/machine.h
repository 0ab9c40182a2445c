#pragma once
// A machine to plan for: one device, its links, and the share of them that a run reaches. The files
// of configs/machines are part of the program under their names; any other file of the same form
// can be named by its path.
#include <string>
#include <vector>

#include "plan/options.h"

namespace r1::plan {

/// Names that the program knows, sorted.
std::vector<std::string> machine_names();

/// The machine of [plan] for this device, with what [plan] says of memory and efficiencies.
/// Throws: ConfigError for a name that is neither known nor a file, or a file with problems.
Machine find_machine(const PlanOptions& plan, const std::string& device);

}  // namespace r1::plan
