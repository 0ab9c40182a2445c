#pragma once
// What a step of sft learns ([sft] objective): the next token of the records' answers, or from
// pairs of answers which of the two is preferred (DPO, reward models).
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "models/offloaded_weights.h"
#include "roles/learner.h"
#include "stages/supervised_data.h"
#include "training/preference.h"

namespace r1::mpi {

class SftObjective {
 public:
  /// DPO: loads the reference on the policy's ranks: [reference], or the model at the stage's
  /// start. Of a model with adapters the start is the model without them, and nothing is loaded.
  /// Collective over: world.
  explicit SftObjective(const Run& run);

  /// Reads the records of the objective.
  ReadRecord reader() const;
  std::int64_t samples_per_record() const { return learns_pairs() ? training::kAnswersPerPair : 1; }
  bool has_score() const { return objective_ == "reward_model"; }

  /// The loss of a step's samples. DPO scores them by the reference first. Collective over: policy.
  training::PassLoss begin_step(Learner& learner, std::span<const data::TrainingSample> samples);
  /// Adds preference_accuracy, chosen_reward, rejected_reward and reward_margin of the step's
  /// pairs. Collective over: policy.
  void add_metrics(Learner& learner, metrics::StepMetrics& metrics) const;
  /// HeldOutLoss::Measure of `samples`. Collective over: policy.
  std::map<std::string, double> measure(Learner& learner,
                                        std::span<const data::TrainingSample> samples);

 private:
  bool learns_pairs() const { return run_.config().sft.learns_pairs(); }
  training::PassRewards rewards(Learner& learner, std::span<const data::TrainingSample> samples);

  const Run& run_;
  std::string objective_;
  std::unique_ptr<models::Model> reference_;  // null: the learner's base, no DPO, or not here
  std::unique_ptr<models::OffloadedWeights> offloaded_;  // null: the weights stay on the device
  std::optional<training::PreferenceStep> pairs_;        // of the step under way
};

}  // namespace r1::mpi
