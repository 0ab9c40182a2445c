#include "mpi/watchdog.h"

#include <fmt/format.h>

#include <chrono>
#include <cstring>

#include "base/errors.h"
#include "base/random.h"
#include "base/timer.h"

namespace r1::mpi {
namespace {

constexpr double kLooksSkipped = 1.5;  // after a question of a lower rank, in collective limits
constexpr double kSecondLook = 0.1;  // after a look that found a silent rank, in collective limits

template <std::size_t N>
void copy_text(char (&to)[N], const std::string& from) {
  std::strncpy(to, from.c_str(), N - 1);
}

// "rank 3 (at call 11), rank 5 (...)": joins with commas.
void append(std::string& list, const std::string& item) {
  list += (list.empty() ? "" : ", ") + item;
}

std::string activity(const WatchdogMessage& answer) {
  return answer.doing[0] == '\0' ? "computes" : fmt::format("waits in {}", answer.doing);
}

// "; not arrived: rank 2 (at call 1, computes)": where the other ranks are, seen from `call`.
std::string whereabouts(const PendingCall& call, int rank,
                        const std::vector<std::optional<WatchdogMessage>>& answers) {
  const auto own = fmt::format("{} '{}'", call.call, call.label);
  std::string missing, different, silent, peer;
  for (int other = 0; other < static_cast<int>(answers.size()); ++other) {
    if (other == rank) continue;
    const auto& answer = answers[static_cast<std::size_t>(other)];
    if (!answer) {
      append(silent, fmt::format("rank {}", other));
    } else if (call.peer >= 0) {
      if (other == call.peer) peer = fmt::format("rank {} {}", other, activity(*answer));
    } else if (answer->member != 0 && answer->issued < call.sequence) {
      append(missing,
             fmt::format("rank {} (at call {}, {})", other, answer->issued, activity(*answer)));
    } else if (answer->member != 0 && answer->call_there[0] != '\0' && own != answer->call_there) {
      append(different, fmt::format("rank {} ({})", other, answer->call_there));
    }
  }
  std::string line;
  if (!peer.empty()) line += "; " + peer;
  if (!missing.empty()) line += "; not arrived: " + missing;
  if (!different.empty()) line += "; made another call: " + different;
  if (!silent.empty()) line += "; no answer from: " + silent;
  return line;
}

}  // namespace

std::string describe_hang(const PendingCall& call, int rank, const std::string& host,
                          double seconds,
                          const std::vector<std::optional<WatchdogMessage>>& answers) {
  return fmt::format("hang: rank {} (host {}) has waited {:.0f} s in {}{}", rank, host, seconds,
                     describe_call(call), whereabouts(call, rank, answers));
}

std::string describe_failure(const CallRegistry::Failure& failure, int rank,
                             const std::string& host,
                             const std::vector<std::optional<WatchdogMessage>>& answers) {
  const auto line = fmt::format("failed: rank {} (host {}): {}", rank, host, failure.text);
  if (!failure.call) return line;
  return fmt::format("{}; in {}{}", line, describe_call(*failure.call),
                     whereabouts(*failure.call, rank, answers));
}

Watchdog::Watchdog(CallRegistry& registry, std::unique_ptr<WatchdogChannel> channel,
                   WatchdogLimits limits, std::string host)
    : registry_(registry),
      channel_(std::move(channel)),
      limits_(limits),
      host_(std::move(host)),
      thread_([this] { run(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stop_changed_.notify_all();
  thread_.join();
}

bool Watchdog::pause(double seconds) {
  std::unique_lock lock(mutex_);
  return !stop_changed_.wait_for(lock, std::chrono::duration<double>(seconds),
                                 [this] { return stop_; });
}

void Watchdog::run() {
  try {
    while (pause(limits_.poll)) {
      serve(nullptr);
      if (const auto failure = registry_.device_failure())
        report(*failure);
      else if (const auto call = overdue())
        investigate(*call);
    }
  } catch (const std::exception& error) {
    channel_->end_job(fmt::format("the watchdog of rank {} (host {}) failed: {}", channel_->rank(),
                                  host_, error.what()),
                      static_cast<int>(base::ExitCode::Failure));
  }
}

std::optional<PendingCall> Watchdog::overdue() const {
  const double now = base::monotonic_seconds();
  // What a look at a wait for another role asks concerns all ranks: one of those that wait is
  // enough, and in a large world all of them are too many.
  const bool look =
      now >= next_look_ && now - lower_rank_asked_ > kLooksSkipped * limits_.collective;
  for (auto& call : registry_.waiting())
    if (now - call.since > limits_.collective && (call.patience == Patience::Collective || look))
      return call;
  return std::nullopt;
}

/// Whether a wait for another role's work is no hang yet. Silence counts when it is met twice in a
/// row: a machine may be busy.
bool Watchdog::may_last(const PendingCall& call, const Answers& answers) {
  const double now = base::monotonic_seconds();
  bool silent_twice = false, working = false;
  std::set<int> silent;
  for (int other = 0; other < static_cast<int>(answers.size()); ++other) {
    const auto& answer = answers[static_cast<std::size_t>(other)];
    if (other == channel_->rank()) continue;
    if (answer)
      working |= answer->waited <= limits_.collective;
    else if (silent.insert(other); silent_.count(other) > 0)
      silent_twice = true;
  }
  silent_ = std::move(silent);
  next_look_ = now + (silent_.empty() ? limits_.collective : kSecondLook * limits_.collective);
  return now - call.since <= limits_.role && !silent_twice && (working || !silent_.empty());
}

bool Watchdog::still_waits(const PendingCall& call) const {
  for (const auto& other : registry_.waiting())
    if (other.since == call.since && other.sequence == call.sequence && other.label == call.label)
      return true;
  return false;
}

void Watchdog::investigate(const PendingCall& call) {
  const auto answers = ask_all(call);
  if (call.patience == Patience::Role && may_last(call, answers)) return;
  if (!let_lower_rank_print()) return;
  if (!still_waits(call)) return;  // slow, not stuck
  channel_->end_job(
      describe_hang(call, channel_->rank(), host_, base::monotonic_seconds() - call.since, answers),
      static_cast<int>(base::ExitCode::Failure));
}

void Watchdog::report(const CallRegistry::Failure& failure) {
  const auto answers = ask_all(failure.call.value_or(PendingCall{}));
  if (!let_lower_rank_print()) return;
  channel_->end_job(describe_failure(failure, channel_->rank(), host_, answers),
                    static_cast<int>(base::ExitCode::Failure));
}

/// Of several ranks that see the same trouble, the lowest prints; the others give it time. False:
/// asked to stop meanwhile.
bool Watchdog::let_lower_rank_print() {
  const double grace = 3 * limits_.answer + 2 * limits_.poll;
  return base::monotonic_seconds() - lower_rank_asked_ >= grace || pause(grace);
}

Watchdog::Answers Watchdog::ask_all(const PendingCall& call) {
  WatchdogMessage question;
  question.from = channel_->rank();
  question.communicator = base::hash_name(call.communicator);
  question.sequence = call.sequence;
  Answers answers(static_cast<std::size_t>(channel_->size()));
  for (int other = 0; other < channel_->size(); ++other)
    if (other != channel_->rank()) channel_->post(other, question);
  // Waits the whole time even when all have answered, so that every rank's question is seen.
  const base::Stopwatch waited;
  while (waited.seconds() < limits_.answer && pause(std::min(limits_.poll, 0.05))) serve(&answers);
  return answers;
}

void Watchdog::serve(Answers* answers) {
  while (const auto message = channel_->poll()) {
    if (message->kind == WatchdogMessage::Question) {
      if (message->from < channel_->rank()) lower_rank_asked_ = base::monotonic_seconds();
      answer(*message);
    } else if (answers != nullptr) {
      (*answers)[static_cast<std::size_t>(message->from)] = *message;
    }
  }
}

void Watchdog::answer(const WatchdogMessage& question) {
  const auto position = registry_.position(question.communicator, question.sequence);
  const auto waits = registry_.waiting();
  WatchdogMessage reply = question;
  reply.kind = WatchdogMessage::Answer;
  reply.from = channel_->rank();
  reply.issued = position.issued;
  reply.member = position.member ? 1 : 0;
  copy_text(reply.call_there, position.call_there);
  if (!waits.empty()) {
    copy_text(reply.doing, describe_call(waits.front()));
    reply.waited = base::monotonic_seconds() - waits.front().since;
  }
  channel_->post(question.from, reply);
}

}  // namespace r1::mpi
