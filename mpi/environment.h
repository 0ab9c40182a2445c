#pragma once
// MPI's life in this process: started once, ended once, and where this rank runs.
#include <string>
#include <vector>

namespace r1::mpi {

class Environment {
 public:
  /// Starts MPI with MPI_THREAD_MULTIPLE; errors are returned, not fatal. Collective over: world.
  /// Throws: ConfigError when MPI has not that thread level.
  Environment(int argc, char** argv);
  /// Ends MPI, but not while an exception unwinds: other ranks would wait in it for ever.
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  /// For commands that all ranks run on one folder; small tools may run alone in a batch script.
  /// Throws: ConfigError when SLURM_NTASKS says that more tasks were started than MPI's world has
  /// ranks (srun without PMIx).
  void require_all_tasks() const;

  int rank() const { return rank_; }
  int size() const { return static_cast<int>(node_of_rank_.size()); }
  const std::string& host() const { return host_; }
  /// Rank among those of this node (shared memory); SLURM_LOCALID is 0 everywhere under mpirun.
  int local_rank() const { return local_rank_; }
  /// Node number (0, 1, ...) of each world rank.
  const std::vector<int>& node_of_rank() const { return node_of_rank_; }

 private:
  void find_nodes();

  int rank_ = 0;
  int local_rank_ = 0;
  std::string host_;
  std::vector<int> node_of_rank_;
};

/// What SLURM_NTASKS (null: not set) says against a world of `world_size` ranks; empty: nothing.
std::string slurm_start_problem(const char* slurm_ntasks, int world_size);

}  // namespace r1::mpi
