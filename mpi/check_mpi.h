#pragma once
// Turns MPI's return codes into MpiError, and owns communicators that return codes instead of
// aborting.
#include <mpi.h>

#include <string>

namespace r1::mpi {

/// World rank of this process; 0 before MPI_Init and after MPI_Finalize.
int world_rank();
/// Ranks in MPI_COMM_WORLD; 1 before MPI_Init and after MPI_Finalize.
int world_size();
/// Whether MPI calls are possible now.
bool mpi_is_running();
/// Name of this host, as the operating system gives it.
std::string host_name();

/// Throws: MpiError naming rank, host, call, label and MPI's text.
[[noreturn]] void throw_mpi_error(int code, const char* call, const char* label);
inline void check_mpi(int code, const char* call, const char* label) {
  if (code != MPI_SUCCESS) throw_mpi_error(code, call, label);
}

/// Owns a communicator whose errors are returned. Not freed while an exception unwinds or after
/// MPI_Finalize: freeing may wait for ranks that will never come.
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
