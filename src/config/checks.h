#pragma once
// Passes 2 and 3 over a configuration: each section alone, then what must fit together.
#include <optional>

#include "base/errors.h"
#include "config/config.h"
#include "config/stage.h"

namespace r1::config {

/// Pass 2: every section by itself.
void check_sections(const Config& config, base::Problems& problems);

/// Pass 3: combinations, as `stage` uses them (none: those of every stage). `model_from_stage`: an
/// earlier stage gives the model.
void check_combinations(const Config& config, std::optional<Stage> stage, bool model_from_stage,
                        base::Problems& problems);

/// Settings that need a GPU, against run.device (auto: it may have one).
void check_device(const Config& config, base::Problems& problems);

}  // namespace r1::config
