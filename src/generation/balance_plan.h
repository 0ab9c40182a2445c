#pragma once
// Which samples move between engines: a pure function of what each holds, so that every engine
// comes to the same plan by itself.
#include <span>
#include <vector>

#include "generation/balancer.h"

namespace r1::generation {

struct SampleMove {
  std::size_t from = 0, to = 0;  // numbers of engines
  std::int64_t waiting = 0, running = 0;
};

/// Evens out the unfinished samples (to within one). Waiting samples go first. A running one goes
/// only to an engine that holds at most half as many samples: its tokens are computed again there,
/// and a smaller difference would send samples back and forth. No engine both gives and receives.
/// In the order of givers, then of receivers.
std::vector<SampleMove> plan_moves(std::span<const EngineLoad> loads);

}  // namespace r1::generation
