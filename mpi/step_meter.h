#pragma once
// What a step costs the ranks beside their work: how long each role waits for the others, how many
// messages and bytes the busiest and the mean rank have, and the memory of the fullest rank.
#include <string>

#include "call_registry.h"
#include "communicator.h"
#include "metrics/step_metrics.h"
#include "role_groups.h"
#include "slow_rank.h"
#include "traffic.h"

namespace r1::mpi {

/// Metrics of a step: from begin() to finish(), without checkpoints and the agreement to go on, so
/// that a continued run has the numbers of one that was not interrupted.
///
///   wait_share                share of their time that policy ranks wait for other roles
///   wait_share_ROLE           share of the step in which ranks of another role are idle: they wait
///                             for the policy, or are done before it; "generation": ranks that
///                             only sample
///   messages_per_step, messages_per_step_max   of a rank (traffic.h): mean, and the busiest rank
///   bytes_per_step, bytes_per_step_max
///   memory_peak_gib           most host memory that a rank has held since the program's start
///   device_memory_peak_gib, device_memory_reserved_gib   the same of a GPU: tensors, and what the
///                             allocator holds for them
class StepMeter {
 public:
  /// `world` and `groups` must outlive it.
  StepMeter(parallel::Communicator& world, RoleGroups& groups, at::Device device)
      : world_(world),
        groups_(groups),
        device_(device),
        slow_rank_(groups.layout().role(kPolicy).ranks) {}

  void begin();
  /// Seconds since begin(), on this rank.
  double seconds() const;
  /// One sum and one maximum. The first rank logs a policy rank that is slower than the others
  /// (slow_rank.h). Collective over: world.
  void finish(metrics::StepMetrics& metrics);
  /// Messages and bytes since this meter was made, checkpoints and all: mean and busiest rank.
  /// Collective over: world.
  std::string describe_total();

 private:
  parallel::Communicator& world_;
  RoleGroups& groups_;
  at::Device device_;
  double begin_ = 0.0;
  double waited_before_ = 0.0;      // for other roles
  double all_waited_before_ = 0.0;  // in any call
  SlowRank slow_rank_;
  const Traffic traffic_at_start_ = TrafficCounter::instance().total();
  Traffic traffic_before_;  // the step
};

}  // namespace r1::mpi
