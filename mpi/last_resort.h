#pragma once
// The end of a process whose launcher no longer answers. MPI_Abort and MPI_Finalize wait for the
// launcher (mpirun, srun) and have no time limit of their own.
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace r1::mpi {

/// Ends this process with an exit code, without a destructor, if the object still lives after some
/// seconds.
class LastResort {
 public:
  /// `reason`: printed before the end; empty: nothing is printed.
  LastResort(double seconds, int exit_code, std::string reason = {});
  ~LastResort();
  LastResort(const LastResort&) = delete;
  LastResort& operator=(const LastResort&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool has_ended_ = false;
  std::thread thread_;
};

/// Ends the job on all ranks by MPI_Abort. This process ends soon in any case.
[[noreturn]] void abort_job(int exit_code);

}  // namespace r1::mpi
