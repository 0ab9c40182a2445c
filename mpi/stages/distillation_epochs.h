#pragma once
// What a distillation does at the end of each epoch, as the guide does: it logs the mean loss of
// the epoch's steps and saves the student.
#include <nlohmann/json.hpp>

#include "metrics/step_metrics.h"
#include "run_loop.h"

namespace r1::training {
class Trainer;
}

namespace r1::mpi {

class SupervisedData;

/// The model after epoch N is in this folder of the run folder, with N behind the name.
inline constexpr const char* kEpochFolder = "distilled_epoch_";

/// Epochs are numbered from 0. An epoch ends with the step that trains on its last record; a step
/// that is longer than an epoch ends several, of which the last one is reported.
class DistillationEpochs {
 public:
  /// `run` and `data` must outlive this object.
  DistillationEpochs(const Run& run, const SupervisedData& data);

  /// Checkpoints of the loop hold the losses of an epoch that is under way. Collective over: none.
  void persist(RunLoop& loop);

  /// Saves the student of an epoch that an earlier start finished and did not save. `trainer`: null
  /// outside the policy. Collective over: world. Throws: InputError when the disk refuses.
  void begin(training::Trainer* trainer, std::int64_t first_step);
  /// Adds the loss of a step to its epoch's mean, unless it is not finite. The metrics of an
  /// epoch's last step get "epoch" and "epoch_loss". Collective over: none.
  void add(metrics::StepMetrics& metrics, std::int64_t step);
  /// After the step that ends epoch N: the student as "distilled_epoch_N" of the run folder, a
  /// Hugging Face folder with tokenizer, complete or not at all (distill.save_each_epoch).
  /// Collective over: world. Throws: InputError when the disk refuses.
  void save_if_due(training::Trainer* trainer, std::int64_t step);

 private:
  /// Epochs that are complete after so many steps.
  std::int64_t num_done(std::int64_t steps) const;
  std::string folder(std::int64_t epoch) const;

  const Run& run_;
  const SupervisedData& data_;
  double loss_sum_ = 0.0;
  std::int64_t num_steps_ = 0;
};

}  // namespace r1::mpi
