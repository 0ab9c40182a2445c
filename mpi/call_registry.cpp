#include "mpi/call_registry.h"

#include <fmt/format.h>

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

int CallRegistry::open_communicator(const std::string& name) {
  const std::lock_guard lock(mutex_);
  communicators_[next_communicator_].hash = base::hash_name(name);
  return next_communicator_++;
}

void CallRegistry::close_communicator(int id) {
  const std::lock_guard lock(mutex_);
  communicators_.erase(id);
}

std::uint64_t CallRegistry::issue(int id, const char* call, const char* label) {
  const std::lock_guard lock(mutex_);
  auto& communicator = communicators_.at(id);
  const auto sequence = ++communicator.issued;
  communicator.history[sequence % kHistory] = {sequence, call, label};
  return sequence;
}

CallRegistry::Waiting::Waiting(CallRegistry& registry, PendingCall call) : registry_(registry) {
  call.since = base::monotonic_seconds();
  const std::lock_guard lock(registry_.mutex_);
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

std::vector<PendingCall> CallRegistry::waiting() const {
  const std::lock_guard lock(mutex_);
  std::vector<PendingCall> result;
  for (const auto& [id, call] : waits_) result.push_back(call);
  return result;
}

double CallRegistry::waited_seconds(Patience patience) const {
  const std::lock_guard lock(mutex_);
  return waited_seconds_.at(static_cast<std::size_t>(patience));
}

CallPosition CallRegistry::position(std::uint64_t communicator_hash, std::uint64_t sequence) const {
  const std::lock_guard lock(mutex_);
  CallPosition result;
  for (const auto& [id, communicator] : communicators_) {
    if (communicator.hash != communicator_hash) continue;
    result.member = true;
    result.issued = communicator.issued;
    const auto& issued = communicator.history[sequence % kHistory];
    if (issued.sequence == sequence && sequence > 0)
      result.call_there = std::string(issued.call) + " '" + issued.label + "'";
  }
  return result;
}

}  // namespace r1::mpi
