#pragma once
// What a start finds in its run folder and leaves there: the lock, the configuration of the last
// start, and what the first start chose once for the whole run.
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "checkpoint/lock.h"
#include "config/config.h"
#include "config/stage.h"

namespace r1::mpi {

/// Chosen by the first start and reused by every later one, so that a continued run computes alike.
struct RunChoices {
  std::int64_t threads = 0;
  std::int64_t started = 0;  // seconds since 1970, for chat templates that name the day; 0: unknown
  std::string dtype;
  // Model paths that name a run folder -> what they meant then: that run may go on, so its
  // checkpoint is kept in this run's folder "start" (checkpoint/pin.h).
  std::map<std::string, std::string> models;
  // The last start that went back (--from-step): its job and step. A requeued job does not go back
  // again.
  std::string went_back_job;
  std::int64_t went_back_step = -1;

  std::string to_json() const;
  /// Throws: InputError naming `where`.
  static RunChoices from_json(const std::string& text, const std::string& where);
};

/// Used by one rank; the others see the folder through it. A thread of its own renews the lock
/// every ten seconds and writes down what the run waits for.
class RunFolder {
 public:
  /// Makes the folder and takes its lock. Throws: ConfigError when another job works in it.
  explicit RunFolder(std::string path);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  /// Nothing before the first start has recorded any.
  std::optional<RunChoices> choices() const;
  /// Compares with the configuration that the last checkpoint was made with; changes are logged.
  /// Nothing was computed before the first checkpoint: until then everything may change.
  /// Throws: ConfigError when a change would make another run of it.
  void require_same(const config::Config& config, bool allow_change) const;
  /// Writes resolved.toml, resolved.json and the choices: the start has succeeded.
  void record(const config::Config& config, config::Stage stage, int world_size,
              const RunChoices& choices) const;
  /// Asked before anything is written. Throws: InputError when another process has taken the folder
  /// over.
  void require_mine() const { lock_->require_mine(); }

 private:
  void beat();

  std::string path_;
  std::unique_ptr<checkpoint::RunLock> lock_;
  std::mutex mutex_;
  std::condition_variable stop_changed_;
  bool stop_ = false;
  std::thread heart_;  // beats also while the run waits, loads or evaluates
};

}  // namespace r1::mpi
