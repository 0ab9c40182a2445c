#pragma once
// The loss of a student's packed pass against the output of a teacher.
#include "algorithms/loss.h"
#include "algorithms/options.h"
#include "training/pass.h"
#include "vocabulary/vocab_distillation.h"

namespace r1::training {

/// Returns this pass's part of the step's loss, a scalar. `teacher` holds the teacher's output for
/// the loss rows of the pass.
at::Tensor distillation_loss(const Pass& pass, const vocabulary::TeacherOutput& teacher,
                             const algorithms::DistillationLossOptions& options,
                             const algorithms::LossDenominators& denominators,
                             std::int64_t chunk_tokens);

}  // namespace r1::training
