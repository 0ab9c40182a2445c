#pragma once
// What a run is: its configuration, its ranks and roles, its text, device and folder. Stages and
// roles read it; the loop over steps, with checkpoints, metrics and the orderly stop, is RunLoop
// (run_loop.h).
//
//   Run run(environment, world, setup, {"policy", "reward"});
//   RunLoop loop(run);
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "communicator.h"
#include "config/config.h"
#include "config/stage.h"
#include "environment.h"
#include "exchange.h"
#include "metrics/timeline.h"
#include "model_loading.h"
#include "role_groups.h"
#include "run_folder.h"

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
  std::optional<std::int64_t> from_step;  // the run goes back to this checkpoint
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
  config::Stage kind() const { return setup_.stage; }
  const std::string& folder() const { return setup_.folder; }
  std::string model_folder() const {
    return setup_.model_folder.empty() ? setup_.folder + "/model" : setup_.model_folder;
  }
  MpiCommunicator& world() const { return world_; }
  RoleGroups& groups() const { return *groups_; }
  Exchange& exchange() const { return *exchange_; }
  bool has_role(const std::string& role) const { return groups_->is_in(role); }
  /// The rank that writes metrics and files (world rank 0, which is a policy rank).
  bool writes() const { return world_.rank() == 0; }
  at::Device device() const { return device_; }
  at::ScalarType dtype() const { return dtype_; }
  const TextModel& text() const { return text_; }
  /// The copies over which this rank's model of the role shares out its weights, or nothing.
  std::optional<models::WeightCopies> sharing_copies(const std::string& role) const {
    if (!config().trainer.shares_out_weights() || groups().copies(role).size() == 1)
      return std::nullopt;
    return groups().weight_copies(role);
  }
  /// The local time of the first start, the same after every continuation.
  std::tm started() const;
  /// Seed of a purpose in this stage.
  std::uint64_t seed(std::initializer_list<std::uint64_t> parts) const;
  /// Spans of this rank's work. Exists from the loop's begin() on.
  metrics::Timeline& timeline() const { return *timeline_; }
  /// The checkpoint that this start goes back to (--from-step), unless an earlier start of the same
  /// job, which was requeued since, has done so.
  std::optional<std::int64_t> from_step() const;
  /// Asked before anything is written. Collective over: none. Throws: InputError when another
  /// process has taken the run folder over.
  void require_folder() const;
  /// Messages move on; called from decode loops.
  void progress() const;

  /// Whether the work of the current step may end early: it is dropped, because a rank received a
  /// signal to stop (RunLoop::takes). Always false between steps, and in a step that the loop did
  /// not open. Does not block. Callers take turns.
  bool is_cut_short() const;
  /// The same answer on all ranks of this rank's replica of the role. Collective over: these ranks.
  bool is_cut_short(const std::string& role) const;
  /// From here to close_step() work may be cut short.
  void open_step() { step_is_open_ = true; }
  /// Whether work of this rank was cut short since open_step().
  bool close_step();

  /// Runs on this rank; an error on one rank becomes the error of all. Collective over: world.
  void together(const std::function<void()>& work, const char* label) const;

  /// The start has succeeded: the run folder keeps the configuration and what this start chose, and
  /// the timeline goes on behind `last_step` (-1: a new run). Collective over: none.
  void record_start(std::int64_t last_step);

 private:
  void open_folder();
  void choose_numbers();

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
  std::unique_ptr<metrics::Timeline> timeline_;
  bool step_is_open_ = false;
  mutable bool was_cut_short_ = false;
};

}  // namespace r1::mpi
