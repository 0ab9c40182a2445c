#pragma once
// The teacher role: a frozen model that hands over final hidden states and, once, its head; or the
// likeliest ids of each token (distillation_loss.top_k).
#include "roles/learner.h"
#include "vocabulary/vocab_distillation.h"

namespace r1::mpi {

class Teacher {
 public:
  /// Loads [teacher] on the teacher ranks and, if hidden states are to be handed over, brings its
  /// head to all policy ranks. Collective over: world. Throws: ConfigError when the tokenizers
  /// differ, top_k asks for more ids than teacher and student both have, or the teacher's layout
  /// cannot serve.
  explicit Teacher(const Run& run);

  /// What the teacher ranks do in a step: the output of every micro-batch of the replicas they
  /// serve. Other ranks return at once.
  void serve(const Learner& learner, std::span<const data::TrainingSample> samples,
             std::int64_t step);
  /// On a policy rank: what the teacher says of the L loss rows of this rank's next micro-batch.
  vocabulary::TeacherOutput output(const data::MicroBatch& batch);

 private:
  bool gives_top_k() const { return run_.config().distillation_loss.top_k > 0; }
  /// The tensors of an output, without the head: what travels.
  std::vector<at::Tensor> compute(const data::MicroBatch& batch) const;
  void check_vocabulary(std::int64_t teacher_vocab);
  void share_head();
  void require_separate_or_same() const;
  /// The teacher's replica that serves a replica of the policy.
  const std::vector<int>& server_of(std::size_t replica) const;

  const Run& run_;
  std::vector<std::vector<int>> clients_,
      servers_;  // world ranks of the policy's, the teacher's replicas
  std::unique_ptr<models::Model> model_;
  std::int64_t common_vocab_ = 0;  // ids that both models have
  at::Tensor head_;                // the teacher's [V, D], on policy ranks; undefined for top_k
};

}  // namespace r1::mpi
