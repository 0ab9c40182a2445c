#include "mpi/caught_error.h"

#include <c10/util/Exception.h>

#include <exception>
#include <new>

#include "base/files.h"

namespace r1::mpi {
namespace {

template <class E>
struct Coordinated final : E, CoordinatedMark {
  using E::E;
};

ErrorKind kind_of(const base::Error& error) {
  if (dynamic_cast<const base::ConfigError*>(&error) != nullptr) return ErrorKind::Config;
  if (dynamic_cast<const base::InputError*>(&error) != nullptr) return ErrorKind::Input;
  if (dynamic_cast<const base::FileError*>(&error) != nullptr) return ErrorKind::File;
  if (dynamic_cast<const base::MpiError*>(&error) != nullptr) return ErrorKind::Mpi;
  if (dynamic_cast<const base::Hdf5Error*>(&error) != nullptr) return ErrorKind::Hdf5;
  if (dynamic_cast<const base::NumericalError*>(&error) != nullptr) return ErrorKind::Numerical;
  if (dynamic_cast<const base::InternalError*>(&error) != nullptr) return ErrorKind::Internal;
  return ErrorKind::Other;
}

}  // namespace

CaughtError describe_current_exception() {
  CaughtError result;
  try {
    throw;
  } catch (const base::Error& error) {
    result.kind = kind_of(error);
    result.exit_code = static_cast<int>(error.exit_code());
    result.coordinated = dynamic_cast<const CoordinatedMark*>(&error) != nullptr;
    result.message = error.what();
  } catch (const c10::Error& error) {
    result.message = error.what_without_backtrace();
  } catch (const std::bad_alloc&) {
    result.message = "out of memory (std::bad_alloc)";
  } catch (const std::exception& error) {
    result.message = error.what();
  } catch (...) {
    result.message = "an exception of unknown type";
  }
  return result;
}

void throw_coordinated(const CaughtError& error) {
  switch (error.kind) {
    case ErrorKind::Config:
      throw Coordinated<base::ConfigError>(error.message);
    case ErrorKind::Input:
      throw Coordinated<base::InputError>(error.message);
    case ErrorKind::File:
      throw Coordinated<base::FileError>(error.message);
    case ErrorKind::Mpi:
      throw Coordinated<base::MpiError>(error.message);
    case ErrorKind::Hdf5:
      throw Coordinated<base::Hdf5Error>(error.message);
    case ErrorKind::Numerical:
      throw Coordinated<base::NumericalError>(error.message);
    case ErrorKind::Internal:
      throw Coordinated<base::InternalError>(error.message);
    case ErrorKind::Other:
      break;
  }
  throw Coordinated<base::Error>(error.message, static_cast<base::ExitCode>(error.exit_code));
}

}  // namespace r1::mpi
