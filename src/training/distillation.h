#pragma once
// The loss of a student's pass, by what the teacher gives.
#include "algorithms/loss.h"
#include "algorithms/options.h"
#include "training/pass.h"
#include "vocabulary/vocab_distillation.h"

namespace r1::training {

/// The pass's part of the step's loss, a scalar. `teacher`: its output for the rows of the pass.
at::Tensor distillation_loss(const Pass& pass, const vocabulary::TeacherOutput& teacher,
                             const algorithms::DistillationLossOptions& options,
                             const algorithms::LossDenominators& denominators,
                             std::int64_t chunk_tokens);

}  // namespace r1::training
