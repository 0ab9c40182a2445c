#pragma once
// Distillation terms of a student against a teacher, from hidden states, a chunk of tokens at a
// time.
//
// Shapes, dtypes, chunks, memory and split heads as in vocab_logprob.h. Gradients go to the
// student's hidden states and head only. Collective over: the ranks of the student's head.
// Reference: Hinton et al., "Distilling the knowledge in a neural network", arXiv 1503.02531.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <variant>

#include "vocabulary/vocab_head.h"
#include "vocabulary/vocab_top_k.h"

namespace r1::vocabulary {

/// Terms per token, [T] each. The factor temperature^2 of the soft terms is the loss's business.
struct DistillationTerms {
  at::Tensor forward_kl;  // KL(teacher || student) at the temperature
  at::Tensor reverse_kl;  // KL(student || teacher); undefined for a top-k teacher
  at::Tensor hard;        // cross entropy of the target under the student at temperature 1
};

/// A teacher that gives its final hidden states and its frozen head.
struct TeacherHidden {
  at::Tensor hidden;  // [T, Dt]
  at::Tensor head;    // [Vt, Dt], whole on every rank
};

/// Exact divergences over the first `common_vocab` ids (both sides renormalised to them; the ids
/// that the two models share). The hard term is over the student's whole vocabulary.
DistillationTerms distillation_terms(const at::Tensor& student_hidden,
                                     const VocabHead& student_head, const TeacherHidden& teacher,
                                     const at::Tensor& targets, double temperature,
                                     std::int64_t common_vocab, std::int64_t chunk_tokens = 0);

/// Factors of the terms' sums over the tokens.
struct DistillationWeights {
  double forward_kl = 0.0, reverse_kl = 0.0, hard = 0.0;
};

/// The weighted sum of distillation_terms over the tokens, a scalar: a loss whose gradient with
/// respect to each term is known beforehand, so that both models' logits are formed once, for
/// values and gradient together. Backward may pass it once.
at::Tensor weighted_distillation(const at::Tensor& student_hidden, const VocabHead& student_head,
                                 const TeacherHidden& teacher, const at::Tensor& targets,
                                 double temperature, std::int64_t common_vocab,
                                 const DistillationWeights& weights, std::int64_t chunk_tokens = 0);

/// What a teacher says of a batch; never logits. The likeliest ids are those at the student's
/// temperature.
using TeacherOutput = std::variant<TeacherHidden, VocabTopK>;

/// Tail: what the k ids leave over is one more outcome. Renormalised: both are divided by their
/// sums over the k ids.
enum class TopKRest { Tail, Renormalised };

/// Divergences over the teacher's k ids, each model's probabilities being those of its whole
/// vocabulary. With k = all ids and Tail, forward_kl is the exact one.
DistillationTerms distillation_terms_top_k(const at::Tensor& student_hidden,
                                           const VocabHead& student_head, const VocabTopK& teacher,
                                           TopKRest rest, const at::Tensor& targets,
                                           double temperature, std::int64_t chunk_tokens = 0);

}  // namespace r1::vocabulary
