#include "mpi/environment.h"

#include <mpi.h>

#include <cstdlib>
#include <exception>
#include <map>

#include "base/errors.h"
#include "base/log.h"
#include "mpi/check_mpi.h"
#include "mpi/last_resort.h"
#include "mpi/run_guarded.h"

namespace r1::mpi {

std::string slurm_start_problem(const char* slurm_ntasks, int world_size) {
  const long tasks = slurm_ntasks != nullptr ? std::strtol(slurm_ntasks, nullptr, 10) : 0;
  if (tasks <= 1 || world_size > 1) return {};
  return fmt::format(
      "SLURM_NTASKS is {} but MPI's world has one rank: every task would run alone on the same run "
      "folder; start with srun --mpi=pmix or mpirun",
      tasks);
}

Environment::Environment(int argc, char** argv) : host_(host_name()) {
  int provided = MPI_THREAD_SINGLE;
  check_mpi(MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided), "MPI_Init_thread",
            "start");
  check_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler",
            "start");
  check_mpi(MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler",
            "start");
  open_failure_channel();
  if (provided < MPI_THREAD_MULTIPLE)
    throw base::ConfigError(
        fmt::format("this MPI gives thread level {}, expected MPI_THREAD_MULTIPLE ({}): use an MPI "
                    "that was built with thread support",
                    provided, static_cast<int>(MPI_THREAD_MULTIPLE)));
  rank_ = world_rank();
  find_nodes();
  stop_channel_ = std::make_unique<StopChannel>();
  base::log_set_rank(rank_, rank_ == 0);
}

Environment::~Environment() {
  if (std::uncaught_exceptions() > 0 || !mpi_is_running()) return;
  const LastResort last_resort(
      patience_, static_cast<int>(base::ExitCode::Failure),
      fmt::format("rank {} ({}): MPI does not end within {} s: is the launcher stopped?", rank_,
                  host_, patience_));
  stop_channel_.reset();
  close_failure_channel();
  MPI_Finalize();
}

void Environment::require_all_tasks() const {
  const auto problem = slurm_start_problem(std::getenv("SLURM_NTASKS"), size());
  if (!problem.empty()) throw base::ConfigError(problem);
}

void Environment::find_nodes() {
  MPI_Comm shared = MPI_COMM_NULL;
  check_mpi(
      MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &shared),
      "MPI_Comm_split_type", "node of each rank");
  const CommHandle node(shared);
  check_mpi(MPI_Comm_rank(node.get(), &local_rank_), "MPI_Comm_rank", "node");
  // A node is named by the world rank of its first process, then numbered in that order.
  int first = rank_;
  check_mpi(MPI_Bcast(&first, 1, MPI_INT, 0, node.get()), "MPI_Bcast", "node");
  node_of_rank_.resize(static_cast<std::size_t>(world_size()));
  check_mpi(MPI_Allgather(&first, 1, MPI_INT, node_of_rank_.data(), 1, MPI_INT, MPI_COMM_WORLD),
            "MPI_Allgather", "node of each rank");
  std::map<int, int> numbers;
  for (auto& leader : node_of_rank_)
    leader = numbers.emplace(leader, static_cast<int>(numbers.size())).first->second;
}

}  // namespace r1::mpi
