#pragma once
// What every stage stands on: configuration, ranks and roles, run folder, checkpoints, metrics,
// orderly stop.
//
//   Run run(environment, world, setup, {{"policy"}, {"reward"}});
//   run.persist("policy", …);                       // what checkpoints hold
//   for (auto step = run.begin(total); run.goes_on(step); ++step) { …; run.finish_step(step, row);
//   } return run.end();
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/save_clock.h"
#include "checkpoint/saver.h"
#include "communicator.h"
#include "config/config.h"
#include "config/stage.h"
#include "environment.h"
#include "exchange.h"
#include "metrics/progress.h"
#include "metrics/timeline.h"
#include "metrics/writer.h"
#include "model_loading.h"
#include "role_groups.h"
#include "run_folder.h"
#include "shutdown.h"
#include "step_meter.h"
#include "tensor/profile.h"

namespace r1::mpi {

/// What the command line says about a stage.
struct StageSetup {
  config::Config config;
  config::Stage stage = config::Stage::Rl;
  std::string name;             // of the stage in a pipeline; the command otherwise
  std::string students_folder;  // distill: where students go; empty: "distilled" in the folder
  std::string folder;           // the stage's run folder
  std::string
      model_folder;  // where a training stage leaves its model; empty: "model" in the run folder
  bool allow_config_change = false;
};

/// A part of a checkpoint. Functions run on every rank; a rank that holds nothing returns nothing.
struct Persistent {
  std::function<std::vector<checkpoint::ShardedTensor>()> tensors;
  std::function<std::string()>
      state;  // equal on all ranks that hold the part; world rank 0's is kept
  std::function<void(const std::string&)> restore;  // after the tensors were filled; the state
};

class Run {
 public:
  /// Opens (or continues) the run folder, lays out the roles and loads the tokenizer. Collective
  /// over: world. Throws: ConfigError, InputError on all ranks alike.
  Run(Environment& environment, MpiCommunicator& world, StageSetup setup,
      const std::vector<std::string>& roles);
  ~Run();

  const config::Config& config() const { return setup_.config; }
  const std::string& stage() const { return setup_.name; }
  const std::string& folder() const { return setup_.folder; }
  std::string model_folder() const {
    return setup_.model_folder.empty() ? setup_.folder + "/model" : setup_.model_folder;
  }
  MpiCommunicator& world() { return world_; }
  RoleGroups& groups() { return *groups_; }
  Exchange& exchange() { return *exchange_; }
  bool has_role(const std::string& role) const { return groups_->is_in(role); }
  /// The rank that writes metrics and files (world rank 0, which is a policy rank).
  bool writes() const { return world_.rank() == 0; }
  at::Device device() const { return device_; }
  at::ScalarType dtype() const { return dtype_; }
  const TextModel& text() const { return text_; }
  /// The local time of the first start, the same after every continuation.
  std::tm started() const;
  /// Seed of a purpose in this stage.
  std::uint64_t seed(std::initializer_list<std::uint64_t> parts) const;
  metrics::Timeline& timeline() { return *timeline_; }
  /// Messages move on and the lock's heartbeat beats; called from decode loops.
  void progress();

  /// Runs on this rank; an error on one rank becomes the error of all. Collective over: world.
  void together(const std::function<void()>& work, const char* label);

  void persist(const std::string& name, Persistent part);
  /// Checkpoints then hold what describes the model too; called by the rank that writes.
  void describe(const models::Model& model);
  /// Restores the newest valid checkpoint, if any; returns the first step to do. Stages that keep
  /// no checkpoint say themselves where they go on. Collective.
  std::int64_t begin(std::int64_t total_steps, std::int64_t first_step = 0);
  /// False at the end, or when all ranks agreed to stop early (a checkpoint has been written then).
  /// Collective.
  bool goes_on(std::int64_t step);
  /// Writes the row (on the writing rank), shows progress, saves a checkpoint when one is due.
  /// Collective.
  void finish_step(std::int64_t step, metrics::Row row, const std::string& measure);
  /// What held-out data say of the weights after `steps_done` steps: among the checkpoints that
  /// were measured the best one is remembered (model path RUN/best) and never pruned. Called on the
  /// rank that writes.
  void measured(std::int64_t steps_done, double value, bool larger_is_better);
  void write_samples(std::int64_t step, std::span<const data::Rollout> rollouts);
  bool stopped_early() const { return static_cast<bool>(stop_); }
  /// Whether a later start of the same folder finds all steps done.
  std::int64_t total_steps() const { return total_steps_; }
  /// Waits for the last checkpoint. Exit code of the stage. Collective.
  base::ExitCode end();

 private:
  void open_folder();
  void choose_numbers();
  bool save_is_due(std::int64_t steps_done, double step_seconds);
  void save(std::int64_t steps_done);
  void finish_save();
  void mark_best();
  void begin_profile(std::int64_t step);
  void end_profile();

  Environment& environment_;
  MpiCommunicator& world_;
  StageSetup setup_;
  at::Device device_ = at::kCPU;
  at::ScalarType dtype_ = at::kFloat;
  TextModel text_;
  std::unique_ptr<RunFolder> run_folder_;  // on the rank that writes
  RunChoices choices_;
  std::unique_ptr<RoleGroups> groups_;
  std::unique_ptr<Exchange> exchange_;
  std::unique_ptr<checkpoint::Saver> saver_;
  std::unique_ptr<metrics::MetricsWriter> metrics_;
  std::unique_ptr<metrics::SampleWriter> samples_;
  std::unique_ptr<metrics::Timeline> timeline_;
  std::unique_ptr<metrics::TimeEstimate> estimate_;
  std::unique_ptr<metrics::ProgressPrinter> printer_;
  std::vector<std::pair<std::string, Persistent>> parts_;
  checkpoint::Blobs
      description_;  // the model's small files, so that a checkpoint converts by itself
  TimeBudget budget_;
  StopToken stop_;
  std::int64_t total_steps_ = 0;
  std::string resolved_;  // the configuration as JSON, for checkpoints
  checkpoint::SaveClock save_clock_;
  std::map<std::int64_t, double> measures_;  // steps done -> held-out value, not yet compared
  bool larger_is_better_ = true;
  std::int64_t saved_step_ = -1;
  std::unique_ptr<StepMeter> meter_;
  std::unique_ptr<tensor::Profile> profile_;  // while run.profile's steps are done
  double heartbeat_ = 0.0;
};

}  // namespace r1::mpi
