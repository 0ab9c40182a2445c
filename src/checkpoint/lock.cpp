#include "checkpoint/lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <sstream>
#include <thread>

#include "base/errors.h"
#include "base/files.h"
#include "base/log.h"
#include "checkpoint/posix_file.h"

namespace r1::checkpoint {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string first_line(const std::string& path) {
  try {
    const auto text = base::read_file(path);
    return text.substr(0, text.find('\n'));
  } catch (const base::Error&) {
    return {};
  }
}

// Field 22 of /proc/<pid>/stat; 0 when there is no such process, or only what its parent has not
// yet collected (a killed rank stays a zombie for a while, in some containers for ever).
std::int64_t start_ticks_of(std::int64_t pid) {
  const auto text = first_line(fmt::format("/proc/{}/stat", pid));
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string state, skipped;
  fields >> state;
  if (state == "Z" || state == "X") return 0;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  std::int64_t ticks = 0;
  fields >> ticks;
  return ticks;
}

std::string this_machine() {
  std::error_code error;
  const auto space = fs::read_symlink("/proc/self/ns/pid", error).string();
  return first_line("/proc/sys/kernel/random/boot_id") + " " + space;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// What a lock file says; nothing when it is absent, an owner without fields when it is damaged.
std::optional<LockOwner> read_owner(const std::string& path, std::string* token = nullptr) {
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  LockOwner owner;
  const auto document = json::parse(first_line(path), nullptr, false);
  if (!document.is_object()) return owner;
  try {
    owner.host = document.value("host", "");
    owner.pid = document.value("pid", std::int64_t{0});
    owner.machine = document.value("machine", "");
    owner.start_ticks = document.value("start_ticks", std::int64_t{0});
    owner.job_id = document.value("job_id", "");
    owner.restart_count = document.value("restart_count", std::int64_t{0});
    if (token != nullptr) *token = document.value("token", "");
  } catch (const json::exception&) {
    return LockOwner{};
  }
  return owner;
}

double seconds_of(const struct timespec& time) {
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

std::int64_t last_write(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return 0;
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  return status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec;
}

// Seconds between the last writes of two files of one file system.
double age(const std::string& path, const std::string& now_path) {
  struct stat then {};
  struct stat now {};
  if (::stat(path.c_str(), &then) != 0 || ::stat(now_path.c_str(), &now) != 0) return 0;
  return seconds_of(now.st_mtim) - seconds_of(then.st_mtim);
}

std::string describe(const LockOwner& owner) {
  return fmt::format("host {}, pid {}, job {}, restart {}", owner.host, owner.pid,
                     owner.job_id.empty() ? "none" : owner.job_id, owner.restart_count);
}

// Why the lock may be taken over, or empty.
std::string takeover_reason(const LockOwner& holder, const LockOwner& mine, double age_seconds,
                            double stale_seconds) {
  if (!mine.job_id.empty() && holder.job_id == mine.job_id &&
      holder.restart_count < mine.restart_count)
    return "an earlier start of this job";
  if (!mine.machine.empty() && holder.machine == mine.machine) {
    const bool lives = start_ticks_of(holder.pid) == holder.start_ticks && holder.start_ticks != 0;
    return lives ? "" : "its process is gone";
  }
  return age_seconds > stale_seconds ? fmt::format("no heartbeat for {:.0f} s", age_seconds) : "";
}

}  // namespace

LockOwner current_owner() {
  LockOwner owner;
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  owner.host = host;
  owner.pid = ::getpid();
  owner.machine = this_machine();
  owner.start_ticks = start_ticks_of(owner.pid);
  owner.job_id = environment("SLURM_JOB_ID");
  owner.restart_count = std::atoll(environment("SLURM_RESTART_COUNT").c_str());
  return owner;
}

RunLock::RunLock(std::string path, LockOwner owner, const LockTimes& times, const AskHolder& ask)
    : path_(std::move(path)) {
  std::random_device random;
  token_ = fmt::format("{:08x}{:08x}", random(), random());
  temporary_ = fmt::format("{}.{}", path_, token_);
  content_ = json{{"type", "r1mpi run lock"},
                  {"host", owner.host},
                  {"pid", owner.pid},
                  {"machine", owner.machine},
                  {"start_ticks", owner.start_ticks},
                  {"job_id", owner.job_id},
                  {"restart_count", owner.restart_count},
                  {"token", token_}}
                 .dump() +
             "\n";
  write_temporary();
  if (create_exclusively()) return;
  try {
    const auto reason = reason_to_take_over(owner, times, ask);
    base::log_warning("{}: taken over from {}: {}", path_,
                      describe(read_owner(path_).value_or(LockOwner{})), reason);
  } catch (...) {
    ::unlink(temporary_.c_str());
    throw;
  }
  take_over(times.settle_seconds);
}

std::string RunLock::reason_to_take_over(const LockOwner& mine, const LockTimes& times,
                                         const AskHolder& ask) const {
  std::optional<std::int64_t> first_beat;
  for (;; std::this_thread::sleep_for(std::chrono::duration<double>(times.look_seconds))) {
    ::utimensat(AT_FDCWD, temporary_.c_str(), nullptr, 0);  // "now" of the file system
    const auto found = read_owner(path_);
    if (!found) return "its owner has just ended";
    const auto& holder = *found;
    const double age_seconds = age(path_, temporary_);
    const auto reason = takeover_reason(holder, mine, age_seconds, times.stale_seconds);
    if (!reason.empty()) return reason;
    if (!mine.machine.empty() && holder.machine == mine.machine) refuse(holder, age_seconds);
    const auto state = ask ? ask(holder) : HolderState::Unknown;
    if (state == HolderState::Gone) return "its job no longer runs";
    const auto beat = last_write(path_);
    if (state == HolderState::Lives || (first_beat && beat != *first_beat))
      refuse(holder, age_seconds);
    if (!first_beat)
      base::log_warning(
          "{}: {} cannot be asked whether it lives: waiting for its heartbeat, {:.0f} s at most",
          path_, describe(holder), times.stale_seconds - age_seconds + times.look_seconds);
    first_beat = beat;
  }
}

void RunLock::refuse(const LockOwner& holder, double age_seconds) const {
  const auto doing = first_line(path_ + ".doing");
  throw base::InputError(
      fmt::format("{}: the run folder is in use: {}, last heartbeat {:.0f} s ago{}", path_,
                  describe(holder), age_seconds, doing.empty() ? "" : ": " + doing));
}

RunLock::~RunLock() {
  if (!is_mine()) return;
  ::unlink((path_ + ".doing").c_str());
  ::unlink(path_.c_str());
}

void RunLock::write_temporary() const {
  PosixFile file(temporary_, PosixFile::Mode::Create, base::FileOf::User);
  file.write_at(0, content_.data(), content_.size());
  file.sync();
}

// A hard link is the one creation that is exclusive on every file system, NFS included.
bool RunLock::create_exclusively() {
  if (::link(temporary_.c_str(), path_.c_str()) == 0) {
    ::unlink(temporary_.c_str());
    return true;
  }
  const int error = errno;
  if (error == EEXIST) return false;
  ::unlink(temporary_.c_str());
  base::throw_file_error(path_, "cannot make the lock", error, base::FileOf::User);
}

void RunLock::take_over(double settle_seconds) {
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary_.c_str());
    throw_file_error(path_, "cannot take the lock over", error);
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(settle_seconds));
  heartbeat("");
}

bool RunLock::is_mine() const {
  std::string token;
  return read_owner(path_, &token).has_value() && token == token_;
}

void RunLock::require_mine() const {
  if (is_mine()) return;
  const auto holder = read_owner(path_);
  throw base::InputError(fmt::format("{}: the run folder was taken over: {}", path_,
                                     holder ? describe(*holder) : std::string("the lock is gone")));
}

void RunLock::heartbeat(const std::string& doing) {
  require_mine();
  std::ofstream(path_ + ".doing") << doing << "\n";
  // Both times "now": the file system's server, not this node, says what time it is.
  if (::utimensat(AT_FDCWD, path_.c_str(), nullptr, 0) != 0)
    throw_file_error(path_, "cannot renew the lock", errno);
}

}  // namespace r1::checkpoint
