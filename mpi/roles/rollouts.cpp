#include "roles/rollouts.h"

namespace r1::mpi {

std::pair<std::int64_t, std::int64_t> chunk_range(std::int64_t num_groups, std::int64_t num_chunks,
                                                  std::int64_t index) {
  return {num_groups * index / num_chunks, num_groups * (index + 1) / num_chunks};
}

}  // namespace r1::mpi
