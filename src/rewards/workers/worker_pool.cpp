#include "rewards/workers/worker_pool.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <utility>

#include "base/log.h"
#include "base/timer.h"
#include "rewards/workers/spawner.h"
#include "rewards/workers/wire.h"

namespace r1::rewards::workers {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kStartSeconds = 120.0;  // until a worker says hello
constexpr int kAttempts = 3;             // workers that one request may end
constexpr int kStarts = 3;               // of which none becomes ready

Clock::time_point after(double seconds) {
  return Clock::now() +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

struct WorkerPool::Worker {
  StartedWorker process;
  FrameBuffer incoming;
  std::string outgoing;
  std::size_t sent = 0;
  std::optional<std::uint64_t> request;  // that it works on
  bool ready = false;                    // has said hello
  Clock::time_point deadline;

  void put(const std::string& payload) {
    outgoing.erase(0, sent);
    sent = 0;
    outgoing += frame(payload);
  }
  bool has_to_send() const { return sent < outgoing.size(); }
  bool is_idle() const { return ready && !request; }

  /// False: the other end is gone.
  bool send_some() {
    const ssize_t n = ::send(process.socket.get(), outgoing.data() + sent, outgoing.size() - sent,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    sent += static_cast<std::size_t>(n);
    return true;
  }
  bool receive_some() {
    char bytes[65536];
    const ssize_t n = ::recv(process.socket.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    incoming.append(bytes, static_cast<std::size_t>(n));
    return n > 0;
  }
};

struct WorkerPool::Pending {
  std::string body;
  int attempts = 0;
  base::Stopwatch watch{};
};

WorkerPool::WorkerPool(PoolOptions options) : options_(std::move(options)) {}

// Idle workers end when their sockets close.
WorkerPool::~WorkerPool() = default;

void WorkerPool::start() {
  start_missing();
  while (!std::all_of(workers_.begin(), workers_.end(), [](const Worker& w) { return w.ready; }))
    serve(kStartSeconds);
}

std::uint64_t WorkerPool::submit(std::string body) {
  const auto number = next_number_++;
  pending_.emplace(number, Pending{std::move(body)});
  waiting_.push_back(number);
  return number;
}

void WorkerPool::serve(double seconds) {
  start_missing();
  for (Worker& worker : workers_)
    if (worker.is_idle() && !waiting_.empty()) give_request(worker);
  std::vector<pollfd> events;
  wait_for_events(seconds, events);
  for (std::size_t i = 0; i < workers_.size(); ++i) serve_worker(i, events[i].revents);
}

std::optional<Outcome> WorkerPool::take(std::uint64_t number) {
  auto found = finished_.extract(number);
  if (!found) return std::nullopt;
  return std::move(found.mapped());
}

void WorkerPool::give_up(const std::string& reason) {
  for (Worker& worker : workers_) {
    if (!worker.request) continue;
    Spawner::instance().kill(worker.process.pid);
    worker = start_worker();
  }
  waiting_.clear();
  while (!pending_.empty()) finish(pending_.begin()->first, {"", reason});
}

void WorkerPool::clear() {
  for (const Worker& worker : workers_) Spawner::instance().kill(worker.process.pid);
  workers_.clear();
  pending_.clear();
  waiting_.clear();
  finished_.clear();
}

void WorkerPool::start_missing() {
  while (static_cast<std::int64_t>(workers_.size()) < options_.workers)
    workers_.push_back(start_worker());
}

WorkerPool::Worker WorkerPool::start_worker() {
  Worker worker;
  worker.process = Spawner::instance().spawn();
  worker.deadline = after(kStartSeconds);
  worker.put(pack(options_.configuration));
  return worker;
}

void WorkerPool::give_request(Worker& worker) {
  const auto number = waiting_.front();
  waiting_.pop_front();
  auto& pending = pending_.at(number);
  ++pending.attempts;
  worker.request = number;
  worker.deadline = after(options_.request_seconds);
  worker.put(pack(Numbered{number, pending.body}));
  worker.send_some();
}

void WorkerPool::wait_for_events(double seconds, std::vector<pollfd>& events) {
  auto first = after(seconds);
  for (const Worker& worker : workers_) {
    const auto wanted = static_cast<short>(POLLIN | (worker.has_to_send() ? POLLOUT : 0));
    events.push_back({worker.process.socket.get(), wanted, 0});
    if (!worker.is_idle()) first = std::min(first, worker.deadline);
  }
  const double left = std::chrono::duration<double, std::milli>(first - Clock::now()).count();
  const int timeout = static_cast<int>(std::ceil(std::clamp(left, 0.0, 1e6)));
  ::poll(events.data(), events.size(), timeout);  // an error shows in the calls that follow
}

void WorkerPool::serve_worker(std::size_t index, short happened) {
  Worker& worker = workers_[index];
  bool alive = true;
  try {
    if ((happened & POLLOUT) != 0) alive = worker.send_some();
    if (alive && (happened & (POLLIN | POLLHUP | POLLERR)) != 0) alive = worker.receive_some();
    while (const auto payload = worker.incoming.next()) take_payload(worker, *payload);
  } catch (const WireError& error) {
    base::log_warning("{}: worker {}: {}", options_.section, worker.process.pid, error.what());
    alive = false;
  }
  if (!alive)
    replace(index, "limit");
  else if (!worker.is_idle() && Clock::now() >= worker.deadline)
    replace(index, "timeout");
}

void WorkerPool::take_payload(Worker& worker, const std::string& payload) {
  if (!worker.ready) {
    const Hello hello = unpack_hello(payload);
    if (!hello.problem.empty()) throw base::ConfigError(hello.problem);
    announce(hello);
    worker.ready = true;
    failed_starts_ = 0;
    return;
  }
  auto reply = unpack_numbered(payload);
  if (worker.request != reply.number)
    throw WireError(fmt::format("answered request {}, which it does not have", reply.number));
  worker.request.reset();
  finish(reply.number, {std::move(reply.body), ""});
}

/// Ends worker `index`, whose request fails with `reason` or, if the worker died, is tried again.
void WorkerPool::replace(std::size_t index, const std::string& reason) {
  Worker& worker = workers_[index];
  const bool late = reason == "timeout";
  if (!worker.ready && (late || ++failed_starts_ >= kStarts))
    throw base::ConfigError(fmt::format(
        "{}.workers: worker {} {} before it was ready (its memory: {} MiB)", options_.section,
        worker.process.pid, late ? "did not answer" : "ended", options_.configuration.memory_mib));
  Spawner::instance().kill(worker.process.pid);
  const auto request = worker.request;
  worker = start_worker();
  if (!request) return;
  if (!late && pending_.at(*request).attempts < kAttempts)
    waiting_.push_front(*request);
  else
    finish(*request, {"", reason});
}

void WorkerPool::finish(std::uint64_t number, Outcome outcome) {
  const auto pending = pending_.extract(number);
  outcome.seconds = pending.mapped().watch.seconds();
  finished_[number] = std::move(outcome);
}

void WorkerPool::announce(const Hello& hello) {
  if (std::exchange(announced_, true)) return;
  description_ = hello.description;
  if (!hello.description.empty()) base::log_info("{}: {}", options_.section, hello.description);
  if (!hello.warnings.empty()) base::log_warning("{}: {}", options_.section, hello.warnings);
}

}  // namespace r1::rewards::workers
