#pragma once
// Tells every rank that one of them received a signal to stop, while the ranks do different things
// and meet in no collective. Agreement stays with the collectives of the run (shutdown.h,
// run_loop.h): a rank that hears of a signal early only ends its part of the step early.
#include <cstdint>

#include "mpi/check_mpi.h"

namespace r1::mpi {

/// A rank that received a signal tells rank 0, and rank 0 tells all others: one byte to or from
/// each rank, once in the life of the program.
class StopChannel {
 public:
  /// Collective over: world.
  StopChannel();

  /// Whether this rank received a signal or was told of one; passes the news on. Does not block.
  /// The answer stays true. Callers take turns.
  bool asked();

 private:
  void pass_on(int teller) const;

  CommHandle comm_;
  int rank_ = world_rank();
  int size_ = world_size();
  bool asked_ = false;
};

}  // namespace r1::mpi
