#pragma once
// The end of each epoch of a distillation, as in the guide: the mean loss of the epoch's steps is
// logged and the student is saved.
#include <nlohmann/json.hpp>

#include "metrics/step_metrics.h"
#include "run_loop.h"

namespace r1::training {
class Trainer;
}

namespace r1::mpi {

class SupervisedData;

/// The model after epoch N is in the folder "distilled_epoch_N" of the run folder.
inline constexpr const char* kEpochFolder = "distilled_epoch_";

/// Epochs are numbered from 0. An epoch ends with the step that trains on the epoch's last record.
/// A step that is longer than an epoch ends several epochs, and only the last of these is reported.
class DistillationEpochs {
 public:
  /// `run` and `data` must outlive this object.
  DistillationEpochs(const Run& run, const SupervisedData& data);

  /// Registers the losses of the current epoch in the checkpoints of the loop. Collective over:
  /// none.
  void persist(RunLoop& loop);

  /// Saves the student of an epoch that an earlier start finished but did not save. `trainer`: null
  /// outside the policy. Collective over: world. Throws: InputError if the disk refuses.
  void begin(training::Trainer* trainer, std::int64_t first_step);
  /// Adds the loss of a step to the mean of the step's epoch, unless the loss is not finite. Sets
  /// "epoch" and "epoch_loss" in the metrics of an epoch's last step. Collective over: none.
  void add(metrics::StepMetrics& metrics, std::int64_t step);
  /// After the last step of epoch N: writes the student to "distilled_epoch_N" in the run folder,
  /// as a complete Hugging Face folder with tokenizer (distill.save_each_epoch). Collective over:
  /// world. Throws: InputError if the disk refuses.
  void save_if_due(training::Trainer* trainer, std::int64_t step);

 private:
  /// Number of epochs that are complete after `steps` steps.
  std::int64_t num_done(std::int64_t steps) const;
  std::string folder(std::int64_t epoch) const;

  const Run& run_;
  const SupervisedData& data_;
  double loss_sum_ = 0.0;
  std::int64_t num_steps_ = 0;
};

}  // namespace r1::mpi
