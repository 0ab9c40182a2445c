#include "run_folder.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "base/files.h"
#include "base/log.h"
#include "base/version.h"
#include "batch_system.h"
#include "call_registry.h"
#include "checkpoint/catalog.h"
#include "config/compare.h"
#include "config/print.h"

namespace r1::mpi {

namespace fs = std::filesystem;

std::string RunChoices::to_json() const {
  return nlohmann::json{{"threads", threads},
                        {"started", started},
                        {"dtype", dtype},
                        {"models", models},
                        {"went_back_job", went_back_job},
                        {"went_back_step", went_back_step}}
             .dump(1) +
         "\n";
}

RunChoices RunChoices::from_json(const std::string& text, const std::string& where) {
  try {
    const auto json = nlohmann::json::parse(text);
    return {json.at("threads"),
            json.value("started", std::int64_t{0}),
            json.at("dtype"),
            json.value("models", std::map<std::string, std::string>()),
            json.value("went_back_job", std::string()),
            json.value("went_back_step", std::int64_t{-1})};
  } catch (const nlohmann::json::exception& error) {
    throw base::InputError(
        fmt::format("{}: expected threads, dtype and models: {}", where, error.what()));
  }
}

RunFolder::RunFolder(std::string path) : path_(std::move(path)) {
  std::error_code error;
  fs::create_directories(path_ + "/checkpoints", error);
  if (error)
    base::throw_file_error("--run-dir " + path_, "cannot make the folder", error.value(),
                           base::FileOf::User);
  lock_ = std::make_unique<checkpoint::RunLock>(path_ + "/lock", checkpoint::current_owner(),
                                                checkpoint::LockTimes{}, ask_slurm);
  base::log_open_file(path_ + "/log");
  heart_ = std::thread([this] { beat(); });
}

RunFolder::~RunFolder() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stop_changed_.notify_all();
  heart_.join();
}

/// The heart's thread. A folder that was taken over is reported where the run next writes.
void RunFolder::beat() {
  constexpr std::chrono::seconds kInterval(10);
  std::unique_lock lock(mutex_);
  do {
    try {
      const auto waits = CallRegistry::instance().waiting();
      lock_->heartbeat(waits.empty() ? "computes" : "waits in " + describe_call(waits.front()));
    } catch (const std::exception& error) {
      base::log_warning("heartbeat: {}", error.what());
    }
  } while (!stop_changed_.wait_for(lock, kInterval, [this] { return stop_; }));
}

std::optional<RunChoices> RunFolder::choices() const {
  const auto file = path_ + "/chosen.json";
  if (!fs::exists(file)) return std::nullopt;
  return RunChoices::from_json(base::read_file(file), file);
}

void RunFolder::require_same(const config::Config& config, bool allow_change) const {
  const auto file = path_ + "/resolved.json";
  if (!fs::exists(file) || checkpoint::list_steps(path_ + "/checkpoints").empty()) return;
  const auto before = nlohmann::json::parse(base::read_file(file), nullptr, false);
  if (!before.is_object() || !before.contains("config"))
    throw base::InputError(fmt::format("{}: expected a JSON object with \"config\"", file));
  const auto changes = config::compare_configs(before.at("config"), config);
  if (const std::string model = config::changed_model(changes); !model.empty() && !allow_change)
    throw base::ConfigError(
        fmt::format("{}: the run folder holds a run of another model ({}): give another --run-dir",
                    path_, model));
  if (!changes.empty())
    base::log_warning("{}: changed since the last start:\n{}", path_,
                      config::describe_changes(changes));
  if (std::any_of(changes.begin(), changes.end(),
                  [](const auto& change) { return change.key == "model.path"; }))
    base::log_warning("{}: the run goes on with the weights of its checkpoint, not with model.path",
                      path_);
  config::require_compatible(changes, allow_change);
}

void RunFolder::record(const config::Config& config, config::Stage stage, int world_size,
                       const RunChoices& choices) const {
  base::write_file_atomically(path_ + "/resolved.toml", config::resolved_toml(config),
                              base::FileOf::Run);
  const nlohmann::json record{{"config", config::config_json(config)},
                              {"command", config::name_of(stage)},
                              {"version", base::kVersion},
                              {"git_sha", base::kGitSha},
                              {"world_size", world_size}};
  base::write_file_atomically(path_ + "/resolved.json", record.dump(1), base::FileOf::Run);
  base::write_file_atomically(path_ + "/chosen.json", choices.to_json(), base::FileOf::Run);
}

}  // namespace r1::mpi
