#pragma once
// Start and end of MPI in this process, and the node of this rank.
#include <memory>
#include <string>
#include <vector>

#include "mpi/stop_channel.h"

namespace r1::mpi {

class Environment {
 public:
  /// Starts MPI with MPI_THREAD_MULTIPLE; errors are returned and not fatal. Collective over:
  /// world. Throws: ConfigError if MPI does not provide this thread level.
  Environment(int argc, char** argv);
  /// Ends MPI, except while an exception unwinds, because the other ranks would wait forever.
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  /// Checks the world size, for commands that all ranks run on one folder; small tools may run
  /// alone in a batch script. Throws: ConfigError if SLURM_NTASKS shows more tasks than the MPI
  /// world has ranks (srun without PMIx).
  void require_all_tasks() const;

  int rank() const { return rank_; }
  int size() const { return static_cast<int>(node_of_rank_.size()); }
  const std::string& host() const { return host_; }
  /// Rank among the ranks of this node, by shared memory; under mpirun SLURM_LOCALID would be 0 on
  /// every rank.
  int local_rank() const { return local_rank_; }
  /// Node number (0, 1, ...) of each world rank.
  const std::vector<int>& node_of_rank() const { return node_of_rank_; }
  /// How long the end of MPI may take: it waits for the launcher, which may be stopped or gone.
  /// After that the process ends with exit code 3.
  void set_patience(double seconds) { patience_ = seconds; }
  /// Tells whether any rank received a signal to stop.
  StopChannel& stop_channel() const { return *stop_channel_; }

 private:
  void find_nodes();

  int rank_ = 0;
  int local_rank_ = 0;
  std::string host_;
  std::vector<int> node_of_rank_;
  std::unique_ptr<StopChannel> stop_channel_;
  double patience_ = 600.0;
};

/// The problem of a world of `world_size` ranks with SLURM_NTASKS (null: not set); empty: no
/// problem.
std::string slurm_start_problem(const char* slurm_ntasks, int world_size);

}  // namespace r1::mpi
