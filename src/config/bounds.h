#pragma once
// The largest values that a machine could still serve, for every number of a configuration.
#include "base/errors.h"
#include "config/config.h"

namespace r1::config {

/// Adds a problem for each number beyond its bound: what a step, a chunk or a start keeps in memory
/// or starts as threads has a bound of its own, every other integer (seeds aside) one of 10^9,
/// every real one of 10^15. A key that is added later is bounded without being named here.
void check_bounds(const Config& config, base::Problems& problems);

}  // namespace r1::config
