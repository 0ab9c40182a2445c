#include "mpi/call_registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>
#include <utility>

#include "base/random.h"
#include "base/timer.h"

namespace r1::mpi {

std::string describe_call(const PendingCall& call) {
  if (call.peer >= 0)
    return fmt::format("{} '{}' (communicator {}, from or to rank {})", call.call, call.label,
                       call.communicator, call.peer);
  return fmt::format("{} '{}' (communicator {}, call {})", call.call, call.label, call.communicator,
                     call.sequence);
}

CallRegistry& CallRegistry::instance() {
  static CallRegistry registry;
  return registry;
}

int CallRegistry::open_communicator(const std::string& name,
                                    std::shared_ptr<DeviceCalls> device_calls) {
  const std::lock_guard lock(mutex_);
  auto& communicator = communicators_[next_communicator_];
  communicator.hash = base::hash_name(name);
  communicator.device_calls = std::move(device_calls);
  return next_communicator_++;
}

void CallRegistry::close_communicator(int id) {
  const std::lock_guard lock(mutex_);
  communicators_.erase(id);
}

std::uint64_t CallRegistry::issue(int id, const char* call, const char* label) {
  std::unique_lock lock(mutex_);
  hold_when_aborted(lock);
  auto& communicator = communicators_.at(id);
  const auto sequence = ++communicator.issued;
  communicator.history[sequence % kHistory] = {sequence, call, label};
  return sequence;
}

CallRegistry::Waiting::Waiting(CallRegistry& registry, PendingCall call) : registry_(registry) {
  call.since = base::monotonic_seconds();
  std::unique_lock lock(registry_.mutex_);
  registry_.hold_when_aborted(lock);
  id_ = registry_.next_wait_++;
  registry_.waits_.emplace(id_, std::move(call));
}

CallRegistry::Waiting::~Waiting() {
  const double now = base::monotonic_seconds();
  const std::lock_guard lock(registry_.mutex_);
  const auto wait = registry_.waits_.find(id_);
  registry_.waited_seconds_.at(static_cast<std::size_t>(wait->second.patience)) +=
      now - wait->second.since;
  registry_.waits_.erase(wait);
}

// Copies, so that nobody is asked under the lock.
std::vector<std::shared_ptr<DeviceCalls>> CallRegistry::device_calls() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<DeviceCalls>> result;
  for (const auto& [id, communicator] : communicators_)
    if (communicator.device_calls) result.push_back(communicator.device_calls);
  return result;
}

double CallRegistry::waited_seconds(Patience patience) const {
  const std::lock_guard lock(mutex_);
  return waited_seconds_.at(static_cast<std::size_t>(patience));
}

std::vector<PendingCall> CallRegistry::waiting() const {
  std::vector<PendingCall> result;
  for (const auto& calls : device_calls())
    if (auto call = calls->current()) result.push_back(std::move(*call));
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, call] : waits_) result.push_back(call);
  }
  std::stable_sort(result.begin(), result.end(),
                   [](const auto& a, const auto& b) { return a.since < b.since; });
  return result;
}

std::optional<CallRegistry::Failure> CallRegistry::device_failure() const {
  for (const auto& calls : device_calls()) {
    auto text = calls->failure();
    if (!text.empty()) return Failure{std::move(text), calls->current()};
  }
  return std::nullopt;
}

void CallRegistry::abort_device_calls(double seconds) {
  auto all = device_calls();
  if (all.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    aborted_ = true;
  }
  auto done = std::make_shared<std::promise<void>>();
  auto finished = done->get_future();
  std::thread([all = std::move(all), done] {
    for (const auto& calls : all) calls->abort();
    done->set_value();
  }).detach();
  finished.wait_for(std::chrono::duration<double>(seconds));
}

void CallRegistry::hold_when_aborted(std::unique_lock<std::mutex>& lock) {
  while (aborted_) never_.wait(lock);
}

CallPosition CallRegistry::position(std::uint64_t communicator_hash, std::uint64_t sequence) const {
  CallPosition result;
  std::shared_ptr<DeviceCalls> device_calls;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, communicator] : communicators_) {
      if (communicator.hash != communicator_hash) continue;
      result.member = true;
      result.issued = communicator.issued;
      device_calls = communicator.device_calls;
      const auto& issued = communicator.history[sequence % kHistory];
      if (issued.sequence == sequence && sequence > 0)
        result.call_there = std::string(issued.call) + " '" + issued.label + "'";
    }
  }
  if (device_calls) result.issued = device_calls->reached().value_or(result.issued);
  return result;
}

}  // namespace r1::mpi
