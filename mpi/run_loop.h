#pragma once
// A run's loop over steps: checkpoints, metrics, progress, profile, orderly stop.
//
//   RunLoop loop(run);
//   policy.persist(loop);  // what checkpoints hold
//   for (auto step = loop.begin(total); loop.goes_on(step); ++step) {
//     metrics::StepMetrics metrics;  // every part of the step adds to them
//     …
//     if (!loop.takes(step)) break;  // a signal cut the step short
//     loop.finish_step(step, metrics, "reward_mean");
//   }
//   return loop.end();
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/errors.h"
#include "checkpoint/reader.h"
#include "checkpoint/save_clock.h"
#include "checkpoint/saver.h"
#include "data/types.h"
#include "metrics/progress.h"
#include "metrics/step_metrics.h"
#include "metrics/writer.h"
#include "run.h"
#include "shutdown.h"
#include "step_meter.h"
#include "tensor/profile.h"
#include "training/learning_guard.h"

namespace r1::mpi {

/// A part of a checkpoint. Functions run on every rank; a rank that holds nothing returns nothing.
struct Persistent {
  std::function<std::vector<checkpoint::ShardedTensor>()> tensors;
  std::function<std::string()>
      state;  // equal on all ranks that hold the part; world rank 0's is kept
  std::function<void(const std::string&)> restore;  // after the tensors were filled; the state
  /// Instead of filling the tensors, where their sizes are only known from the checkpoint.
  std::function<void(checkpoint::CheckpointReader&, const std::string& state)> read = {};
};

class RunLoop {
 public:
  /// `run` must outlive the loop.
  explicit RunLoop(Run& run);
  ~RunLoop();

  /// Checkpoints then hold this part; before begin(). Collective over: none, but every rank names
  /// the same parts in the same order.
  void persist(const std::string& name, Persistent part);
  /// Checkpoints then hold what describes the model too; called by the rank that writes.
  void describe(const models::Model& model);
  /// For stages whose steps change parts of checkpoints before takes() in ways that doing a step
  /// again does not repeat (several optimizer steps, newer weights that sample): each step then
  /// begins with a copy of the state in host memory, in the memory of saves.
  void copy_before_steps() { copies_before_steps_ = true; }
  /// Restores the newest valid checkpoint, if any, or the one that the run goes back to
  /// (Run::from_step), after which newer ones are gone; returns the first step to do. Stages that
  /// keep no checkpoint say themselves where they go on. Collective over: world.
  std::int64_t begin(std::int64_t total_steps, std::int64_t first_step = 0);
  /// False at the end, or when all ranks agreed to stop early (a checkpoint has been written then).
  /// Collective over: world.
  bool goes_on(std::int64_t step);
  /// Whether the step's work counts. False: a signal came, and a rank cut its work of the step
  /// short (Run::is_cut_short), so all of it is dropped; the stage stops with a checkpoint of the
  /// state before the step, and a continued run does the whole step again. Work after this call is
  /// not cut short. Without copy_before_steps() a step may change parts of checkpoints until here
  /// only in ways that doing it again repeats; their state() is that from before the step.
  /// Collective over: world.
  bool takes(std::int64_t step);
  /// takes() for a part of the step that is over; the parts that follow may be cut short too.
  bool takes_so_far(std::int64_t step);
  /// Writes the step's metrics (on the writing rank), shows progress with the number `measure`,
  /// saves a checkpoint when one is due. Collective over: world.
  void finish_step(std::int64_t step, metrics::StepMetrics metrics, const std::string& measure);
  /// What held-out data say of the weights after `steps_done` steps: among the checkpoints that
  /// were measured the best one is remembered (model path RUN/best) and never pruned. Called on the
  /// rank that writes.
  void measured(std::int64_t steps_done, double value, bool larger_is_better);
  void write_samples(std::int64_t step, std::span<const data::Rollout> rollouts);
  bool stopped_early() const { return static_cast<bool>(stop_); }
  std::int64_t total_steps() const { return total_steps_; }
  /// Waits for the last checkpoint. Exit code of the stage. Collective over: world. Throws:
  /// FileError when steps that were done are in no checkpoint: the job must not end as one that
  /// lost nothing.
  base::ExitCode end();

 private:
  bool save_is_due(std::int64_t steps_done, double step_seconds);
  std::int64_t choose_checkpoint(std::int64_t first_step, std::string& path);
  void restore(const std::string& path, std::int64_t first);
  using PartStates = std::map<std::string, std::string>;  // by name of the part
  PartStates part_states() const;
  checkpoint::State state_to_save(const PartStates& states) const;
  void save(std::int64_t steps_done, const PartStates& states);
  void save_copy();
  void sync_files();
  void note_save(std::int64_t steps_done, double seconds);
  bool is_clean() const { return num_skipped_ == num_skipped_saved_; }
  void keep_state(std::int64_t step);
  bool is_dropped(std::int64_t step, bool cut_short_here);
  using NamedValues = std::vector<std::pair<std::string, at::Tensor>>;
  void require_finite(const NamedValues& values, std::int64_t steps_done);
  void note_result();
  std::string state() const;
  void restore_state(const std::string& text);
  void finish_save();
  void mark_best();
  void begin_profile(std::int64_t step);
  void end_profile();

  Run& run_;
  std::string checkpoints_;  // their folder
  StepMeter meter_;
  checkpoint::Saver saver_;
  std::unique_ptr<metrics::MetricsWriter> metrics_;  // on the rank that writes, as `samples_`
  std::unique_ptr<metrics::SampleWriter> samples_;
  std::unique_ptr<metrics::TimeEstimate> estimate_;
  std::unique_ptr<metrics::ProgressPrinter> printer_;
  std::vector<std::pair<std::string, Persistent>> parts_;
  checkpoint::Blobs
      description_;           // the model's small files, so that a checkpoint converts by itself
  PartStates states_before_;  // the step that is open
  bool copies_before_steps_ = false;
  TimeBudget budget_;
  training::LearningGuard guard_;
  StopToken stop_;
  std::int64_t total_steps_ = 0;
  std::string resolved_;  // the configuration as JSON, for checkpoints
  checkpoint::SaveClock save_clock_;
  std::map<std::int64_t, double> measures_;  // steps done -> held-out value, not yet compared
  bool larger_is_better_ = true;
  std::int64_t begun_step_ = -1;      // of the last save that was begun
  std::int64_t published_step_ = -1;  // of the last one that is on disk; the first step before any
  std::int64_t steps_done_ = 0;
  std::int64_t clean_step_ = -1;    // of the last save with no step skipped before it
  std::int64_t proven_step_ = -1;   // of the last such save from which a step was accepted
  std::int64_t marked_step_ = -1;   // of the last one that the folder names as good
  double num_skipped_ = 0.0;        // optimizer steps, as the trainer counts them
  double num_skipped_saved_ = 0.0;  // the same at the last save
  std::unique_ptr<tensor::Profile> profile_;  // while run.profile's steps are done
};

}  // namespace r1::mpi
