#pragma once
// Options that configurations may contain although this version cannot run them. The program
// refuses these options before a run starts.
#include "config/config.h"

namespace r1::mpi {

/// Throws: ConfigError naming every option of `config` that this version does not run.
void require_supported(const config::Config& config);

}  // namespace r1::mpi
