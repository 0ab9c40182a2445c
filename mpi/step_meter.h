#pragma once
// The communication cost of a step: how long roles wait for each other, messages and bytes of the
// busiest and the mean rank, and the memory of the rank with the highest peak.
#include <string>

#include "call_registry.h"
#include "communicator.h"
#include "metrics/step_metrics.h"
#include "role_groups.h"
#include "slow_rank.h"
#include "traffic.h"

namespace r1::mpi {

/// Metrics of a step from begin() to finish(), without checkpoints and the agreement to go on. A
/// continued run therefore has the same numbers as an uninterrupted run.
///
///   wait_share                share of time that policy ranks wait for other roles
///   wait_share_ROLE           share of the step in which ranks of another role are idle, because
///   they
///                             wait for the policy or finish before the policy; "generation": ranks
///                             that only sample
///   messages_per_step, messages_per_step_max   messages per rank (traffic.h): mean, and busiest
///   rank bytes_per_step, bytes_per_step_max         bytes per rank: mean, and busiest rank
///   memory_peak_gib           highest peak of a rank's host memory since the program's start
///   device_memory_peak_gib, device_memory_reserved_gib   highest peaks of a rank's GPU memory:
///                             tensors, and memory that the allocator holds
class StepMeter {
 public:
  /// `world` and `groups` must outlive this object.
  StepMeter(parallel::Communicator& world, RoleGroups& groups, at::Device device)
      : world_(world),
        groups_(groups),
        device_(device),
        slow_rank_(groups.layout().role(kPolicy).ranks) {}

  void begin();
  /// Seconds since begin(), on this rank.
  double seconds() const;
  /// Needs one sum and one maximum. The first rank logs a policy rank that is slower than the other
  /// ranks (slow_rank.h). Collective over: world.
  void finish(metrics::StepMetrics& metrics);
  /// Messages and bytes since this meter was made, including checkpoints: mean and busiest rank.
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
  Traffic traffic_before_;  // before the current step
};

}  // namespace r1::mpi
