#pragma once
// Passes 2 and 3 over a configuration: each section alone, then what must fit together.
#include <string>

#include "base/errors.h"
#include "config/config.h"

namespace r1::config {

/// Pass 2: every section by itself.
void check_sections(const Config& config, base::Problems& problems);

/// Pass 3: combinations, as `command` uses them. `model_from_stage`: an earlier stage gives the
/// model.
void check_combinations(const Config& config, const std::string& command, bool model_from_stage,
                        base::Problems& problems);

}  // namespace r1::config
