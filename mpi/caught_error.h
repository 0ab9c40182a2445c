#pragma once
// A caught exception as plain data (kind, exit code, message), which can be printed or thrown again
// on another rank.
#include <string>

#include "base/errors.h"

namespace r1::mpi {

/// The error types of base/errors.h. Other: base::Error itself, std::exception, LibTorch's errors.
enum class ErrorKind : int { Config, Input, File, Mpi, Hdf5, Numerical, Internal, Other };

struct CaughtError {
  ErrorKind kind = ErrorKind::Other;
  int exit_code = static_cast<int>(base::ExitCode::Failure);
  bool coordinated = false;  // all ranks have the error already (coordinate_errors)
  std::string message;
};

/// Marks errors that all ranks of a communicator threw together.
struct CoordinatedMark {
  virtual ~CoordinatedMark() = default;
};

/// Call this function inside a catch block.
CaughtError describe_current_exception();

/// Throws the error type of `kind` with `message`, marked as coordinated.
[[noreturn]] void throw_coordinated(const CaughtError& error);

}  // namespace r1::mpi
