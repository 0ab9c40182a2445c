#include "supported.h"

#include "base/errors.h"
#include "nccl_library.h"

namespace r1::mpi {
void require_supported(const config::Config& config) {
  base::Problems problems;
  problems.require(config.communication.backend != "nccl" || NcclLibrary::is_built(),
                   "communication.backend",
                   "this program was built without NCCL (R1_CUDA): use mpi or auto");
  if (problems.empty()) return;
  std::string text = "options that this version does not run:";
  for (const auto& problem : problems.list()) text += "\n" + problem.key + ": " + problem.message;
  throw base::ConfigError(text);
}

}  // namespace r1::mpi
