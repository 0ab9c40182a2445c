#pragma once
// Testing aid: places of a save where a fault test kills the process.
#include <cstdint>

namespace r1::checkpoint {

/// Raises SIGKILL when the environment's R1_TEST_KILL_AT is "<name>" or "<name>:<step>".
/// Names: before-data, half-shard, before-manifest, before-rename, while-pruning (there `step` is
/// the checkpoint being deleted).
void test_kill_point(const char* name, std::int64_t step);

}  // namespace r1::checkpoint
