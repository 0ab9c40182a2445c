#pragma once
// Converts MPI's return codes to MpiError, and owns communicators that return error codes instead
// of aborting.
#include <mpi.h>

#include <string>

namespace r1::mpi {

/// World rank of this process; 0 before MPI_Init and after MPI_Finalize.
int world_rank();
/// Number of ranks in MPI_COMM_WORLD; 1 before MPI_Init and after MPI_Finalize.
int world_size();
/// Whether MPI calls are possible now.
bool mpi_is_running();
/// Host name according to the operating system.
std::string host_name();

/// Throws: MpiError naming rank, host, call, label and MPI's error text.
[[noreturn]] void throw_mpi_error(int code, const char* call, const char* label);
inline void check_mpi(int code, const char* call, const char* label) {
  if (code != MPI_SUCCESS) throw_mpi_error(code, call, label);
}

/// Owns a communicator that returns error codes. The communicator is not freed while an exception
/// unwinds or after MPI_Finalize, because freeing may wait for ranks that never take part.
class CommHandle {
 public:
  CommHandle() = default;
  /// Takes ownership of `owned`.
  explicit CommHandle(MPI_Comm owned);
  CommHandle(CommHandle&& other) noexcept : comm_(other.comm_) { other.comm_ = MPI_COMM_NULL; }
  CommHandle& operator=(CommHandle&& other) noexcept;
  ~CommHandle();
  /// Collective over: parent.
  static CommHandle duplicate(MPI_Comm parent, const char* label);

  MPI_Comm get() const { return comm_; }

 private:
  MPI_Comm comm_ = MPI_COMM_NULL;
};

}  // namespace r1::mpi
