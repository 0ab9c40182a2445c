#pragma once
// The messages between the program and the spawner, on a SOCK_SEQPACKET socket: one struct each.
#include <sys/types.h>

#include <cstdint>

namespace r1::rewards::workers {

/// Descriptor at which a spawner or worker finds the socket to the program.
constexpr int kSocket = 3;
constexpr const char* kSpawnerWord = "spawner";  // first argument: what the process is
constexpr const char* kWorkerWord = "worker";    // second argument then: its private folder

enum class SpawnerVerb : std::int32_t { Start = 1, Kill = 2 };

/// Start carries the worker's end of its socket (SCM_RIGHTS) and is answered; Kill is not.
struct SpawnerRequest {
  SpawnerVerb verb = SpawnerVerb::Start;
  pid_t worker = -1;
};

struct SpawnerAnswer {
  pid_t worker = -1;
  std::int32_t error = 0;  // errno of what failed
};

}  // namespace r1::rewards::workers
