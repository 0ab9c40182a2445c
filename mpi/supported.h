#pragma once
// Options that configurations may state already and this version cannot run yet: refused before
// anything starts.
#include "config/config.h"

namespace r1::mpi {

/// Throws: ConfigError naming every option that `config` uses and this version does not run.
void require_supported(const config::Config& config);

}  // namespace r1::mpi
