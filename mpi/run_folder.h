#pragma once
// What a start finds in its run folder and leaves there: the lock, the configuration of the last
// start, and what the first start chose once for the whole run.
#include <map>
#include <optional>
#include <string>

#include "checkpoint/lock.h"
#include "config/config.h"
#include "config/stage.h"

namespace r1::mpi {

/// Chosen by the first start and reused by every later one, so that a continued run computes alike.
struct RunChoices {
  std::int64_t threads = 0;
  std::int64_t started = 0;  // seconds since 1970, for chat templates that name the day; 0: unknown
  std::string dtype;
  // Model paths that name a run folder -> the checkpoint they meant then: that run may go on.
  std::map<std::string, std::string> models;

  std::string to_json() const;
  /// Throws: InputError naming `where`.
  static RunChoices from_json(const std::string& text, const std::string& where);
};

/// Used by one rank; the others see the folder through it.
class RunFolder {
 public:
  /// Makes the folder and takes its lock. Throws: ConfigError when another job works in it.
  explicit RunFolder(std::string path);

  /// Nothing before the first start has recorded any.
  std::optional<RunChoices> choices() const;
  /// Compares with the configuration that the last checkpoint was made with; changes are logged.
  /// Nothing was computed before the first checkpoint: until then everything may change.
  /// Throws: ConfigError when a change would make another run of it.
  void require_same(const config::Config& config, bool allow_change) const;
  /// Writes resolved.toml, resolved.json and the choices: the start has succeeded.
  void record(const config::Config& config, config::Stage stage, int world_size,
              const RunChoices& choices) const;
  /// The lock's heartbeat, every ten seconds at most.
  void heartbeat();

 private:
  std::string path_;
  std::unique_ptr<checkpoint::RunLock> lock_;
  double last_heartbeat_ = 0.0;
};

}  // namespace r1::mpi
