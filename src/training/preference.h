#pragma once
// Training on pairs of answers of which the first is preferred: DPO, and reward models.
//
// The samples of a step are the answers of its pairs: chosen and rejected alternately, 2p and 2p +
// 1. Both answers of a pair are in one pass.
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "algorithms/options.h"
#include "config/options.h"
#include "data/types.h"
#include "training/pass.h"
#include "training/trained_model.h"

namespace r1::training {

inline constexpr std::int64_t kAnswersPerPair = 2;

/// Returns the rewards of the samples of a pass, [S], in the order of Pass::batch().samples.
/// Differentiable. Collective over: the tensor axis.
using PassRewards = std::function<at::Tensor(const Pass&)>;

/// DPO: beta x (log p - log p_ref) of each sample's answer. `reference_logprobs`: log p_ref of the
/// samples of this replica, by their number in the step (answer_logprobs).
PassRewards dpo_rewards(double beta, std::vector<double> reference_logprobs,
                        std::int64_t chunk_tokens);

/// Reward model: hidden . score of each sample's one loss row (data/preference.h, judged_sample),
/// in fp32 or fp64. `score`: [1, D].
PassRewards score_rewards(const at::Tensor& score);

/// log p of the answers of this replica's samples under `model`, by their number in the step; 0 for
/// samples of other replicas. No gradients. Collective over: the model's axes.
std::vector<double> answer_logprobs(const models::Model& model,
                                    const parallel::Communicator& replicas,
                                    std::span<const data::TrainingSample> samples,
                                    const config::TrainerOptions& options);

/// The loss of one step's pairs, and the sums of its metrics.
class PreferenceStep {
 public:
  /// `num_samples`: of the step, over all ranks.
  PreferenceStep(PassRewards rewards, const algorithms::PreferenceLossOptions& options,
                 std::size_t num_samples);

  /// Returns the pass's part of the step's loss, a scalar. Collective over: the tensor axis.
  at::Tensor loss(const Pass& pass);
  /// algorithms::preference_metrics over all passes and replicas. Collective over: replicas.
  std::map<std::string, double> metrics(parallel::Communicator& replicas) const;

 private:
  PassRewards rewards_;
  algorithms::PreferenceLossOptions options_;
  double num_pairs_;
  at::Tensor sums_;
};

/// The metrics of `samples` without gradients, for held-out pairs. Collective over: the policy.
std::map<std::string, double> evaluate_pairs(const TrainedModel& trained,
                                             std::span<const data::TrainingSample> samples,
                                             const PassRewards& rewards,
                                             const algorithms::PreferenceLossOptions& options,
                                             const config::TrainerOptions& trainer);

}  // namespace r1::training
