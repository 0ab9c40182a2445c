#pragma once
// The teacher role: a frozen model that hands over final hidden states, and its head once.
#include "model_input.h"
#include "roles/learner.h"

namespace r1::mpi {

class Teacher {
 public:
  /// Loads [teacher] on the teacher ranks and brings its head to all policy ranks. Collective over:
  /// world. Throws: ConfigError when the vocabularies differ, or the teacher's layout cannot serve.
  Teacher(Run& run);

  /// What the teacher ranks do in a step: the hidden states of every micro-batch of the replicas
  /// they serve. Other ranks return at once.
  void serve(const Learner& learner, std::span<const data::TrainingSample> samples,
             std::int64_t step);
  /// On a policy rank: the teacher's hidden states [L, D_teacher] of this rank's next micro-batch.
  at::Tensor hidden(const data::MicroBatch& batch);
  /// The teacher's head [V, D_teacher], on policy ranks.
  const at::Tensor& head() const { return head_; }

 private:
  at::Tensor compute(const data::MicroBatch& batch) const;
  void share_head();
  void require_separate_or_same() const;
  /// The teacher's replica that serves a replica of the policy.
  const std::vector<int>& server_of(std::size_t replica) const;

  Run& run_;
  std::vector<std::vector<int>> clients_,
      servers_;  // world ranks of the policy's, the teacher's replicas
  std::unique_ptr<models::Model> model_;
  at::Tensor head_;
};

}  // namespace r1::mpi
