#pragma once
// Distillation terms of a student against a teacher, computed from hidden states in chunks of
// tokens.
//
// Shapes, dtypes, chunks, memory and split heads are as in vocab_logprob.h. Only the student's
// hidden states and head receive gradients. Collective over: the ranks of the student's head.
// Reference: Hinton et al., "Distilling the knowledge in a neural network", arXiv 1503.02531.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <variant>

#include "vocabulary/vocab_head.h"
#include "vocabulary/vocab_top_k.h"

namespace r1::vocabulary {

/// Terms per token, [T] each. The loss applies the factor temperature^2 of the soft terms.
struct DistillationTerms {
  at::Tensor forward_kl;  // KL(teacher || student) at the temperature
  at::Tensor reverse_kl;  // KL(student || teacher); undefined for a top-k teacher
  at::Tensor hard;        // cross entropy of the target under the student at temperature 1
};

/// A teacher's final hidden states and frozen head.
struct TeacherHidden {
  at::Tensor hidden;  // [T, Dt]
  at::Tensor head;    // [Vt, Dt], whole on every rank
};

/// Computes exact divergences over the first `common_vocab` ids, which both vocabularies share:
/// student and teacher are renormalised to these ids. The hard term covers the student's whole
/// vocabulary.
DistillationTerms distillation_terms(const at::Tensor& student_hidden,
                                     const VocabHead& student_head, const TeacherHidden& teacher,
                                     const at::Tensor& targets, double temperature,
                                     std::int64_t common_vocab, std::int64_t chunk_tokens = 0);

/// Factors of the sums of the terms over the tokens.
struct DistillationWeights {
  double forward_kl = 0.0, reverse_kl = 0.0, hard = 0.0;
};

/// The weighted sum of distillation_terms over the tokens, a scalar. The gradient with respect to
/// each term is known in advance, so the logits of both models are computed once, for values and
/// gradients together. The backward pass may run once.
at::Tensor weighted_distillation(const at::Tensor& student_hidden, const VocabHead& student_head,
                                 const TeacherHidden& teacher, const at::Tensor& targets,
                                 double temperature, std::int64_t common_vocab,
                                 const DistillationWeights& weights, std::int64_t chunk_tokens = 0);

/// The output of a teacher for a batch, without logits. The log-probabilities of a VocabTopK must
/// be computed at the student's distillation temperature.
using TeacherOutput = std::variant<TeacherHidden, VocabTopK>;

/// Treatment of the probability outside the k ids. Tail: the remaining probability is one further
/// outcome. Renormalised: student and teacher are divided by their sums over the k ids.
enum class TopKRest { Tail, Renormalised };

/// Computes divergences over the teacher's k ids; the probabilities of each model are those under
/// softmax over the model's whole vocabulary. With k = all ids and Tail, forward_kl is exact.
DistillationTerms distillation_terms_top_k(const at::Tensor& student_hidden,
                                           const VocabHead& student_head, const VocabTopK& teacher,
                                           TopKRest rest, const at::Tensor& targets,
                                           double temperature, std::int64_t chunk_tokens = 0);

}  // namespace r1::vocabulary
