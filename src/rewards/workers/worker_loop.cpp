#include "rewards/workers/worker_loop.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <fstream>
#include <memory>
#include <new>

#include "base/errors.h"
#include "rewards/workers/service.h"
#include "rewards/workers/wire.h"

namespace r1::rewards::workers {
namespace {

std::string own_folder;

/// Soft limits: what the worker starts sets its own.
void limit_process(std::int64_t memory_mib) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they map terabytes
  rlimit memory{};
  ::getrlimit(RLIMIT_AS, &memory);
  const rlim_t wanted = static_cast<rlim_t>(memory_mib) << 20;
  memory.rlim_cur =
      memory.rlim_max == RLIM_INFINITY || wanted < memory.rlim_max ? wanted : memory.rlim_max;
  ::setrlimit(RLIMIT_AS, &memory);
#endif
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  // When a node runs out of memory, a worker goes before the training does.
  std::ofstream("/proc/self/oom_score_adj") << 1000;
}

std::string answer(const Service& service, const std::string& body) {
  try {
    return service.answer(body);
  } catch (const std::bad_alloc&) {
    return service.out_of_memory();
  }
}

std::unique_ptr<Service> configure(int socket) {
  const auto payload = read_frame(socket);
  if (!payload) return nullptr;
  std::unique_ptr<Service> service;
  Hello hello;
  try {
    const auto configuration = unpack_configuration(*payload);
    limit_process(configuration.memory_mib);
    service = make_service(configuration);
    hello.description = service->description();
    hello.warnings = service->warnings();
  } catch (const base::ConfigError& error) {
    hello.problem = error.what();
  }
  write_frame(socket, pack(hello));
  return service;
}

}  // namespace

const std::string& private_folder() {
  return own_folder;
}

int run_worker(int socket, const std::string& folder) {
  own_folder = folder;
  ::fcntl(socket, F_SETFD, FD_CLOEXEC);
  const auto service = configure(socket);
  if (!service) return 0;
  while (const auto payload = read_frame(socket)) {
    const auto request = unpack_numbered(*payload);
    write_frame(socket, pack(Numbered{request.number, answer(*service, request.body)}));
  }
  return 0;
}

}  // namespace r1::rewards::workers
