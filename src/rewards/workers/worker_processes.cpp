#include "rewards/workers/worker_processes.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <deque>
#include <utility>

#include "base/log.h"
#include "rewards/part_scorer.h"
#include "rewards/workers/messages.h"
#include "rewards/workers/spawner.h"
#include "rewards/workers/wire.h"

namespace r1::rewards::workers {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kStartSeconds = 120.0;  // until a worker says hello
constexpr int kAttempts = 3;             // workers that one sample may end
constexpr int kStarts = 3;               // of which none becomes ready
constexpr std::size_t kNoSample = static_cast<std::size_t>(-1);

Clock::time_point after(double seconds) {
  return Clock::now() +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

struct WorkerProcesses::Worker {
  StartedWorker process;
  FrameBuffer incoming;
  std::string outgoing;
  std::size_t sent = 0;
  std::size_t sample = kNoSample;  // that it works on
  bool ready = false;              // has said hello
  Clock::time_point deadline;

  void put(const std::string& payload) {
    outgoing.erase(0, sent);
    sent = 0;
    outgoing += frame(payload);
  }
  bool has_to_send() const { return sent < outgoing.size(); }
  bool is_idle() const { return ready && sample == kNoSample; }

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

/// One call of score(), or the wait of start() when there are no inputs.
class WorkerProcesses::Loop {
 public:
  Loop(WorkerProcesses& group, const std::vector<RewardInput>& inputs, const ScoreBudget& budget)
      : group_(group),
        inputs_(inputs),
        budget_(budget),
        rewards_(inputs.size()),
        attempts_(inputs.size(), 0) {
    for (std::size_t i = 0; i < inputs.size(); ++i) waiting_.push_back(i);
  }

  std::vector<data::Reward> run() {
    while (finished_ < inputs_.size() || !all_ready()) {
      if (const auto reason = budget_.reason(); !reason.empty() && !inputs_.empty()) {
        give_up(reason);
        break;
      }
      for (Worker& worker : group_.workers_)
        if (worker.is_idle() && !waiting_.empty()) give_sample(worker);
      wait_for_events();
      for (std::size_t i = 0; i < group_.workers_.size(); ++i) serve(i);
    }
    return std::move(rewards_);
  }

 private:
  /// With samples to score the first ready worker begins; without, all must be there.
  bool all_ready() const {
    return !inputs_.empty() || std::all_of(group_.workers_.begin(), group_.workers_.end(),
                                           [](const Worker& w) { return w.ready; });
  }

  void give_sample(Worker& worker) {
    const std::size_t sample = waiting_.front();
    waiting_.pop_front();
    ++attempts_[sample];
    worker.sample = sample;
    worker.deadline = after(group_.options_.sample_budget());
    worker.put(pack(sample, inputs_[sample]));
    worker.send_some();
  }

  void wait_for_events() {
    events_.clear();
    auto first = after(std::min(kStartSeconds, budget_.next_look()));
    for (const Worker& worker : group_.workers_) {
      const short wanted = static_cast<short>(POLLIN | (worker.has_to_send() ? POLLOUT : 0));
      events_.push_back({worker.process.socket.get(), wanted, 0});
      if (!worker.is_idle()) first = std::min(first, worker.deadline);
    }
    const double left = std::chrono::duration<double, std::milli>(first - Clock::now()).count();
    const int timeout = static_cast<int>(std::ceil(std::clamp(left, 0.0, 1e6)));
    ::poll(events_.data(), events_.size(), timeout);  // an error shows in the calls that follow
  }

  void serve(std::size_t index) {
    Worker& worker = group_.workers_[index];
    const short happened = events_[index].revents;
    bool alive = true;
    try {
      if ((happened & POLLOUT) != 0) alive = worker.send_some();
      if (alive && (happened & (POLLIN | POLLHUP | POLLERR)) != 0) alive = worker.receive_some();
      while (const auto payload = worker.incoming.next()) take(worker, *payload);
    } catch (const WireError& error) {
      base::log_warning("reward worker {}: {}", worker.process.pid, error.what());
      alive = false;
    }
    if (!alive)
      replace(index, "limit");
    else if (!worker.is_idle() && Clock::now() >= worker.deadline)
      replace(index, "timeout");
  }

  void take(Worker& worker, const std::string& payload) {
    if (!worker.ready) {
      const Hello hello = unpack_hello(payload);
      if (!hello.problem.empty()) throw base::ConfigError(hello.problem);
      group_.announce(hello.description, hello.warnings);
      worker.ready = true;
      failed_starts_ = 0;
      return;
    }
    Reply reply = unpack_reply(payload);
    if (reply.sample != worker.sample)
      throw WireError(fmt::format("answered sample {}, asked for {}", reply.sample, worker.sample));
    finish(worker.sample, std::move(reply.reward));
    worker.sample = kNoSample;
  }

  void finish(std::size_t sample, data::Reward reward) {
    rewards_[sample] = std::move(reward);
    ++finished_;
  }

  /// Ends worker `index`, whose sample fails with `reason` or, if the worker died, is tried again.
  void replace(std::size_t index, const std::string& reason) {
    Worker& worker = group_.workers_[index];
    const bool late = reason == "timeout";
    if (!worker.ready && (late || ++failed_starts_ >= kStarts))
      throw base::ConfigError(
          fmt::format("rewards.workers: worker {} {} before it was ready (limits.memory_mib = {})",
                      worker.process.pid, late ? "did not answer" : "ended",
                      group_.options_.limits.memory_mib));
    Spawner::instance().kill(worker.process.pid);
    const std::size_t sample = worker.sample;
    worker = group_.start_worker();
    if (sample == kNoSample) return;
    if (!late && attempts_[sample] < kAttempts)
      waiting_.push_front(sample);
    else
      finish(sample, unscored(group_.options_, reason));
  }

  /// Ends what is being scored; what is left gets the reason.
  void give_up(const std::string& reason) {
    for (Worker& worker : group_.workers_) {
      if (worker.sample == kNoSample) continue;
      finish(worker.sample, unscored(group_.options_, reason));
      Spawner::instance().kill(worker.process.pid);
      worker = group_.start_worker();
    }
    for (const std::size_t sample : waiting_) finish(sample, unscored(group_.options_, reason));
    waiting_.clear();
  }

  WorkerProcesses& group_;
  const std::vector<RewardInput>& inputs_;
  const ScoreBudget& budget_;
  std::vector<data::Reward> rewards_;
  std::vector<int> attempts_;
  std::deque<std::size_t> waiting_;
  std::size_t finished_ = 0;
  int failed_starts_ = 0;  // in a row
  std::vector<pollfd> events_;
};

WorkerProcesses::WorkerProcesses(const RewardOptions& options) : options_(options) {}

// Idle workers end when their sockets close.
WorkerProcesses::~WorkerProcesses() = default;

WorkerProcesses::Worker WorkerProcesses::start_worker() {
  Worker worker;
  worker.process = Spawner::instance().spawn();
  worker.deadline = after(kStartSeconds);
  worker.put(pack(options_));
  return worker;
}

void WorkerProcesses::start() {
  score({}, {});
}

std::vector<data::Reward> WorkerProcesses::score(const std::vector<RewardInput>& inputs,
                                                 const ScoreBudget& budget) {
  const std::lock_guard lock(mutex_);
  try {
    for (auto i = static_cast<std::int64_t>(workers_.size()); i < options_.workers; ++i)
      workers_.push_back(start_worker());
    return Loop(*this, inputs, budget).run();
  } catch (...) {
    for (const Worker& worker : workers_) Spawner::instance().kill(worker.process.pid);
    workers_.clear();  // they may be at work on samples of this call
    throw;
  }
}

void WorkerProcesses::announce(const std::string& description, const std::string& warnings) {
  if (std::exchange(announced_, true)) return;
  description_ = description;
  if (!description.empty()) base::log_info("rewards: {}", description);
  if (!warnings.empty()) base::log_warning("rewards: {}", warnings);
}

}  // namespace r1::rewards::workers
