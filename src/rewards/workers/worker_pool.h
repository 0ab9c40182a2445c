#pragma once
// A number of worker processes with one queue of requests: gives each idle worker its next request,
// enforces time limits, and replaces dead workers. No threads: serve() does all of it.
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rewards/workers/messages.h"

struct pollfd;

namespace r1::rewards::workers {

struct PoolOptions {
  std::string section;  // of the configuration, for messages: "rewards"
  Configuration configuration;
  std::int64_t workers = 1;
  double request_seconds = 0.0;  // after which a worker that does not answer is killed
};

/// What became of a request.
struct Outcome {
  std::string body;      // of the reply
  std::string failure;   // "": answered; "timeout"; "limit": it ended several workers; give_up()'s
  double seconds = 0.0;  // from submit() until the reply was read
};

class WorkerPool {
 public:
  /// Starts nothing: ranks that never ask need no workers.
  explicit WorkerPool(PoolOptions options);
  ~WorkerPool();

  /// Starts the workers, waits until all are ready, and logs their descriptions. Throws:
  /// ConfigError if there is no spawner or executable, or if the service cannot work.
  void start();
  /// What the workers reported of themselves; empty before they are ready.
  const std::string& description() const { return description_; }

  /// Queues a request and returns its number. Workers begin with it in serve().
  std::uint64_t submit(std::string body);
  /// Exchanges with the workers what there is to exchange, and waits at most `seconds` for
  /// something. If a request exceeds request_seconds, its worker is killed and the request fails
  /// with timeout. If the worker of a request dies, another worker gets the request, because
  /// another process may have killed the worker; after the third death the request fails with
  /// limit. Throws: ConfigError if workers do not start.
  void serve(double seconds);
  /// The outcome of a request, given out once; nothing while it is not finished.
  std::optional<Outcome> take(std::uint64_t number);
  /// Fails all requests that are not finished. The workers that are at work are killed and
  /// replaced.
  void give_up(const std::string& reason);
  /// Ends all workers and forgets all requests.
  void clear();

 private:
  struct Worker;
  struct Pending;

  void start_missing();
  Worker start_worker();
  void give_request(Worker& worker);
  void wait_for_events(double seconds, std::vector<pollfd>& events);
  void serve_worker(std::size_t index, short happened);
  void take_payload(Worker& worker, const std::string& payload);
  void replace(std::size_t index, const std::string& reason);
  void finish(std::uint64_t number, Outcome outcome);
  void announce(const Hello& hello);

  PoolOptions options_;
  std::vector<Worker> workers_;
  std::map<std::uint64_t, Pending> pending_;  // not finished, by number
  std::deque<std::uint64_t> waiting_;         // of those, the ones that no worker has
  std::map<std::uint64_t, Outcome> finished_;
  std::uint64_t next_number_ = 0;
  int failed_starts_ = 0;  // in a row
  bool announced_ = false;
  std::string description_;
};

}  // namespace r1::rewards::workers
