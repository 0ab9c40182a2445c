#pragma once
// The error that a run survives: there is no room for this checkpoint.
#include "base/errors.h"

namespace r1::checkpoint {

/// A file system or quota is full. Names file, needed and free bytes. Recoverable: earlier
/// checkpoints are intact and a later save may succeed.
struct NoSpaceError : base::Error {
  explicit NoSpaceError(const std::string& message) : Error(message, base::ExitCode::Failure) {}
};

}  // namespace r1::checkpoint
