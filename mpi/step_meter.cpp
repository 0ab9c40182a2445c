#include "step_meter.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "base/log.h"
#include "base/timer.h"
#include "memory_peak.h"

namespace r1::mpi {
namespace {

double waited_for_roles() {
  return CallRegistry::instance().waited_seconds(Patience::Role);
}

double waited_in_calls() {
  return waited_for_roles() + CallRegistry::instance().waited_seconds(Patience::Collective);
}

std::vector<double> reduce(parallel::Communicator& comm, const std::vector<double>& values,
                           parallel::ReduceOp op, const char* label) {
  auto tensor = at::tensor(values, at::kDouble);
  comm.all_reduce(tensor, op, label).wait();
  return {tensor.const_data_ptr<double>(), tensor.const_data_ptr<double>() + tensor.numel()};
}

void append(std::vector<double>& list, const Traffic& traffic) {
  list.push_back(static_cast<double>(traffic.messages));
  list.push_back(static_cast<double>(traffic.bytes));
}

/// Whether the role has ranks of its own: one that lives with the policy waits as the policy does.
bool stands_apart(const RoleLayout& layout, const RoleAssignment& role) {
  return std::none_of(role.ranks.begin(), role.ranks.end(),
                      [&](int rank) { return layout.is_in(rank, kPolicy); });
}

}  // namespace

void StepMeter::begin() {
  begin_ = base::monotonic_seconds();
  waited_before_ = waited_for_roles();
  all_waited_before_ = waited_in_calls();
  traffic_before_ = TrafficCounter::instance().total();
}

double StepMeter::seconds() const {
  return base::monotonic_seconds() - begin_;
}

void StepMeter::finish(metrics::StepMetrics& metrics) {
  const double seconds = this->seconds(), waited = waited_for_roles() - waited_before_;
  const auto traffic = TrafficCounter::instance().total() - traffic_before_;
  const auto& layout = groups_.layout();
  std::vector<double> sums, maxima;
  append(sums, traffic);
  append(maxima, traffic);
  maxima.push_back(seconds);
  const auto peak = memory_peak(device_);
  maxima.insert(maxima.end(), {peak.resident, peak.device_allocated, peak.device_reserved});
  for (const auto& role : layout.roles()) {
    sums.push_back(groups_.is_in(role.name) ? seconds : 0.0);
    sums.push_back(groups_.is_in(role.name) ? waited : 0.0);
  }
  const auto first_busy = sums.size();
  sums.resize(first_busy + static_cast<std::size_t>(world_.size()), 0.0);
  sums[first_busy + static_cast<std::size_t>(world_.rank())] =
      seconds - (waited_in_calls() - all_waited_before_);
  sums = reduce(world_, sums, parallel::ReduceOp::Sum, "waits and messages of the step");
  maxima = reduce(world_, maxima, parallel::ReduceOp::Max, "the busiest rank of the step");

  const auto slow =
      slow_rank_.add({sums.begin() + static_cast<std::ptrdiff_t>(first_busy), sums.end()});
  if (!slow.empty() && world_.rank() == 0) base::log_warning("{}", slow);
  const double ranks = world_.size();
  for (std::size_t i = 0; i < layout.roles().size(); ++i) {
    const auto& role = layout.roles()[i];
    const double spent = sums[2 + 2 * i], idle = sums[3 + 2 * i];
    if (role.name == kPolicy)
      metrics.set("wait_share", idle / std::max(1e-9, spent));
    else if (stands_apart(layout, role))
      metrics.set(
          role.name == kPolicyGenerate ? "wait_share_generation" : "wait_share_" + role.name,
          1.0 -
              (spent - idle) / std::max(1e-9, maxima[2] * static_cast<double>(role.ranks.size())));
  }
  metrics.set("messages_per_step", sums[0] / ranks);
  metrics.set("messages_per_step_max", maxima[0]);
  metrics.set("bytes_per_step", sums[1] / ranks);
  metrics.set("bytes_per_step_max", maxima[1]);
  constexpr double kGib = 1 << 30;
  metrics.set("memory_peak_gib", maxima[3] / kGib);
  if (!device_.is_cpu()) {
    metrics.set("device_memory_peak_gib", maxima[4] / kGib);
    metrics.set("device_memory_reserved_gib", maxima[5] / kGib);
  }
}

std::string StepMeter::describe_total() {
  std::vector<double> total;
  append(total, TrafficCounter::instance().total() - traffic_at_start_);
  const auto sums = reduce(world_, total, parallel::ReduceOp::Sum, "messages of the stage");
  const auto maxima =
      reduce(world_, total, parallel::ReduceOp::Max, "messages of the busiest rank");
  return fmt::format("{:.0f} messages and {:.3g} MB a rank, {:.0f} and {:.3g} MB on the busiest",
                     sums[0] / world_.size(), sums[1] / world_.size() / 1e6, maxima[0],
                     maxima[1] / 1e6);
}

}  // namespace r1::mpi
