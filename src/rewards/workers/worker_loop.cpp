#include "rewards/workers/worker_loop.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <fstream>
#include <new>
#include <optional>

#include "base/errors.h"
#include "rewards/part_scorer.h"
#include "rewards/workers/messages.h"
#include "rewards/workers/wire.h"

namespace r1::rewards::workers {
namespace {

std::string own_folder;

/// Soft limits: what the worker starts sets its own.
void limit_process(const LimitOptions& limits) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they map terabytes
  rlimit memory{};
  ::getrlimit(RLIMIT_AS, &memory);
  const rlim_t wanted = static_cast<rlim_t>(limits.memory_mib) << 20;
  memory.rlim_cur =
      memory.rlim_max == RLIM_INFINITY || wanted < memory.rlim_max ? wanted : memory.rlim_max;
  ::setrlimit(RLIMIT_AS, &memory);
#endif
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  // When a node runs out of memory, a worker goes before the training does.
  std::ofstream("/proc/self/oom_score_adj") << 1000;
}

data::Reward score(const PartScorer& scorer, const RewardInput& input) {
  try {
    return scorer.score(input);
  } catch (const std::bad_alloc&) {
    data::Reward reward;
    reward.reason = "limit";
    return reward;
  }
}

std::optional<PartScorer> configure(int socket) {
  const auto payload = read_frame(socket);
  if (!payload) return std::nullopt;
  std::optional<PartScorer> scorer;
  Hello hello;
  try {
    const RewardOptions options = unpack_options(*payload);
    limit_process(options.limits);
    scorer.emplace(options);
    hello.description = scorer->description();
    hello.warnings = scorer->warnings();
  } catch (const base::ConfigError& error) {
    hello.problem = error.what();
  }
  write_frame(socket, pack(hello));
  return scorer;
}

}  // namespace

const std::string& private_folder() {
  return own_folder;
}

int run_worker(int socket, const std::string& folder) {
  own_folder = folder;
  ::fcntl(socket, F_SETFD, FD_CLOEXEC);
  const auto scorer = configure(socket);
  if (!scorer) return 0;
  while (const auto payload = read_frame(socket)) {
    const Request request = unpack_request(*payload);
    write_frame(socket, pack(Reply{request.sample, score(*scorer, request.input)}));
  }
  return 0;
}

}  // namespace r1::rewards::workers
