#pragma once
// What a pipeline's stage leaves behind when it is done: its model, its records and its metrics;
// checkpoints only where a later stage starts from one of them.
#include <span>
#include <string>

#include "run.h"

namespace r1::mpi {

bool is_done(const StageSetup& stage);
/// Called by one rank.
void mark_done(const StageSetup& stage, double seconds);

/// Deletes the checkpoints of a stage that is done, unless one of the stages `open` names one of
/// them. Those that [checkpoint] keep_every asks for stay. Called by one rank.
void remove_checkpoints(const StageSetup& done, std::span<const StageSetup> open);

/// Writes the models of a stage that is done anew in bf16, unless they are, or one of the stages
/// `open` starts from them: masters on bf16's grid would not move by small steps. Called by one
/// rank. Throws: InputError.
void narrow_models(const StageSetup& done, std::span<const StageSetup> open);

}  // namespace r1::mpi
