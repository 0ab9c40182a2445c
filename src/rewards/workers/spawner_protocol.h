#pragma once
// The messages between the program and the spawner on a SOCK_SEQPACKET socket: one struct per
// message.
#include <sys/types.h>

#include <cstdint>

namespace r1::rewards::workers {

/// Descriptor of the socket to the program, in a spawner and in a worker.
constexpr int kSocket = 3;
constexpr const char* kSpawnerWord = "spawner";  // first argument: the kind of process
constexpr const char* kWorkerWord = "worker";    // its second argument is the private folder

enum class SpawnerVerb : std::int32_t { Start = 1, Kill = 2 };

/// Start carries the worker's end of the socket (SCM_RIGHTS) and is answered. Kill has no answer.
struct SpawnerRequest {
  SpawnerVerb verb = SpawnerVerb::Start;
  pid_t worker = -1;
};

struct SpawnerAnswer {
  pid_t worker = -1;
  std::int32_t error = 0;  // errno of the failed step
};

}  // namespace r1::rewards::workers
