#include "mpi/check_mpi.h"

#include <unistd.h>

#include <exception>
#include <utility>

#include "base/errors.h"

namespace r1::mpi {

bool mpi_is_running() {
  int initialized = 0;
  int finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  return initialized != 0 && finalized == 0;
}

int world_rank() {
  int rank = 0;
  if (mpi_is_running()) MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

int world_size() {
  int size = 1;
  if (mpi_is_running()) MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof(name) - 1) == 0 ? name : "unknown host";
}

void throw_mpi_error(int code, const char* call, const char* label) {
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) length = 0;
  throw base::MpiError(fmt::format("rank {} ({}): {} '{}' failed: {}", world_rank(), host_name(),
                                   call, label,
                                   length > 0 ? text : fmt::format("error code {}", code)));
}

CommHandle::CommHandle(MPI_Comm owned) : comm_(owned) {
  check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler",
            "new communicator");
}

CommHandle& CommHandle::operator=(CommHandle&& other) noexcept {
  std::swap(comm_, other.comm_);
  return *this;
}

CommHandle::~CommHandle() {
  if (comm_ != MPI_COMM_NULL && std::uncaught_exceptions() == 0 && mpi_is_running())
    MPI_Comm_free(&comm_);
}

CommHandle CommHandle::duplicate(MPI_Comm parent, const char* label) {
  MPI_Comm copy = MPI_COMM_NULL;
  check_mpi(MPI_Comm_dup(parent, &copy), "MPI_Comm_dup", label);
  return CommHandle(copy);
}

}  // namespace r1::mpi
