// r1mpi: the DeepSeek-R1 training recipe as one MPI program. This file is the table of contents of
// a run.
#include <cstdio>

#include "base/version.h"

int main() {
  std::printf("r1mpi %s (%s)\n", r1::base::kVersion, r1::base::kGitSha);
  return 0;
}
