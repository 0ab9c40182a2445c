#pragma once
// What a finished stage of a pipeline keeps: its model, its records and its metrics; and a
// checkpoint only if a later stage starts from the checkpoint.
#include <span>
#include <string>

#include "run.h"

namespace r1::mpi {

bool is_done(const StageSetup& stage);
/// Only one rank calls this function.
void mark_done(const StageSetup& stage, double seconds);

/// Deletes the checkpoints of a finished stage, unless one of the stages `open` names a checkpoint
/// of it. Checkpoints kept by [checkpoint] keep_every stay. Only one rank calls this function.
void remove_checkpoints(const StageSetup& done, std::span<const StageSetup> open);

/// Converts the models of a finished stage to bf16, unless they are bf16 or one of the stages
/// `open` starts from them: master weights from a bf16 model would lie on bf16's grid, where small
/// steps have no effect. Only one rank calls this function. Throws: InputError.
void narrow_models(const StageSetup& done, std::span<const StageSetup> open);

}  // namespace r1::mpi
