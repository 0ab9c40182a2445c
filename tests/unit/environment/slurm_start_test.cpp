#include "mpi/environment.h"

#include <gtest/gtest.h>

namespace r1::mpi {
namespace {

TEST(SlurmStart, ManyTasksButAWorldOfOneIsAProblem) {
  EXPECT_NE(slurm_start_problem("4", 1).find("srun --mpi=pmix or mpirun"), std::string::npos);
  EXPECT_EQ(slurm_start_problem("4", 4), "");
  EXPECT_EQ(slurm_start_problem("1", 1), "");
  EXPECT_EQ(slurm_start_problem(nullptr, 1), "");
}

}  // namespace
}  // namespace r1::mpi
