#pragma once
// The teacher role: a frozen model that provides its final hidden states and, once, its head; or
// the likeliest ids of each token (distillation_loss.top_k).
#include "roles/learner.h"
#include "vocabulary/vocab_distillation.h"

namespace r1::mpi {

class Teacher {
 public:
  /// Loads [teacher] on the teacher ranks. If the teacher provides hidden states, its head is sent
  /// to all policy ranks. Collective over: world. Throws: ConfigError if the tokenizers differ, if
  /// top_k exceeds the number of ids that teacher and student share, or if the teacher's layout
  /// cannot serve.
  explicit Teacher(const Run& run);

  /// On teacher ranks: computes the output for every micro-batch of the served replicas in a step.
  /// Other ranks return at once.
  void serve(const Learner& learner, std::span<const data::TrainingSample> samples,
             std::int64_t step);
  /// On a policy rank: the teacher's output for the L loss rows of this rank's next micro-batch.
  vocabulary::TeacherOutput output(const data::MicroBatch& batch);

 private:
  bool gives_top_k() const { return run_.config().distillation_loss.top_k > 0; }
  /// The tensors of an output that are sent, without the head.
  std::vector<at::Tensor> compute(const data::MicroBatch& batch) const;
  void load(const models::ModelOptions& options);
  void check_vocabulary(std::int64_t teacher_vocab);
  void share_head();
  void require_separate_or_same() const;
  /// The replica of the teacher that serves a replica of the policy.
  const std::vector<int>& server_of(std::size_t replica) const;

  const Run& run_;
  std::vector<std::vector<int>> clients_,
      servers_;  // world ranks of the policy's, the teacher's replicas
  std::unique_ptr<models::Model> model_;
  std::int64_t common_vocab_ = 0;  // number of ids that both models have
  at::Tensor head_;                // the teacher's [V, D], on policy ranks; undefined for top_k
};

}  // namespace r1::mpi
