#include "parallel/gradient_buckets.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>

#include "base/errors.h"

namespace r1::parallel {
namespace {

// Reductions under way when each pass is reduced; their buffers live besides those being filled.
constexpr std::size_t kReductionsInFlight = 3;
constexpr std::size_t kUnitsInFlight = 1;  // a unit is large

class AccumulateHook final : public torch::autograd::PostAccumulateGradHook {
 public:
  AccumulateHook(GradientBuckets& buckets, std::size_t group, std::size_t parameter)
      : buckets_(buckets), group_(group), parameter_(parameter) {}
  void operator()(const at::Tensor& parameter) override {
    buckets_.accumulate(group_, parameter_, parameter.mutable_grad());
  }

 private:
  GradientBuckets& buckets_;
  std::size_t group_, parameter_;
};

FlatPartition partition_of(const GradientGroup& group, bool sharded,
                           const GradientBucketOptions& options) {
  const int num_owners = sharded ? group.ranks->size() : 1,
            owner = sharded ? group.ranks->rank() : 0;
  if (!group.units.empty()) return {group.parameters, group.units, num_owners, owner};
  return {group.parameters, options.bucket_bytes,
          static_cast<std::int64_t>(c10::elementSize(options.dtype)), num_owners, owner};
}

}  // namespace

GradientBuckets::Group::Group(GradientGroup given, const GradientBucketOptions& options)
    : GradientGroup(std::move(given)),
      sharding(is_reduced() ? options.sharding : GradientSharding::None),
      partition(partition_of(*this, sharding != GradientSharding::None, options)),
      touched(parameters.size()),
      launch_of(partition.buckets().size()) {
  const auto like = parameters.front().options().dtype(options.dtype).requires_grad(false);
  owned = at::zeros({partition.owned_size()}, like);
  if (!reduces_each_pass())
    flat = sharding == GradientSharding::None ? owned : at::zeros({partition.size()}, like);
}

GradientBuckets::GradientBuckets(std::vector<GradientGroup> groups,
                                 const GradientBucketOptions& options) {
  for (auto& group : groups) {
    by_units_ = by_units_ || !group.units.empty();
    groups_.emplace_back(std::move(group), options);
  }
  order_launches();
  for (std::size_t g = 0; g < groups_.size(); ++g)
    for (std::size_t i = 0; i < groups_[g].parameters.size(); ++i) {
      const auto& parameter = groups_[g].parameters[i];
      R1_CHECK(parameter.is_contiguous(), "parameter {} is not contiguous", groups_[g].places[i]);
      torch::autograd::impl::set_post_acc_grad_hooks(parameter,
                                                     std::make_unique<AccumulateHook>(*this, g, i));
    }
}

GradientBuckets::~GradientBuckets() {
  for (auto& group : groups_)
    for (auto& parameter : group.parameters)
      torch::autograd::impl::set_post_acc_grad_hooks(parameter, nullptr);
}

/// A bucket is ready when backward has reached its first parameter.
void GradientBuckets::order_launches() {
  for (std::size_t g = 0; g < groups_.size(); ++g)
    for (std::size_t b = 0; b < groups_[g].launch_of.size(); ++b) launches_.push_back({g, b});
  const auto place = [this](const Launch& launch) {
    const auto& group = groups_[launch.group];
    return group.places[group.partition.buckets()[launch.bucket].first_parameter];
  };
  std::sort(launches_.begin(), launches_.end(),
            [&](const Launch& a, const Launch& b) { return place(a) > place(b); });
  for (std::size_t i = 0; i < launches_.size(); ++i)
    groups_[launches_[i].group].launch_of[launches_[i].bucket] = i;
}

void GradientBuckets::forget_pass() {
  for (auto& launch : launches_) launch.num_ready = 0;
  next_launch_ = 0;
}

void GradientBuckets::start() {
  forget_pass();
  reducing_ = false;
  for (auto& group : groups_) {
    std::fill(group.touched.begin(), group.touched.end(), 0);
    if (group.reduces_each_pass()) group.owned.zero_();
  }
}

void GradientBuckets::begin_pass(bool last) {
  reducing_ = last;
  for (auto& group : groups_) {
    if (!group.reduces_each_pass()) continue;
    std::fill(group.touched.begin(), group.touched.end(), 0);
    reducing_ = true;
  }
  if (reducing_) forget_pass();
}

void GradientBuckets::end_pass() {
  if (std::any_of(groups_.begin(), groups_.end(),
                  [](const Group& group) { return group.reduces_each_pass(); }))
    launch();
}

at::Tensor GradientBuckets::bucket_buffer(Launch& launch) {
  auto& group = groups_[launch.group];
  const auto& bucket = group.partition.buckets()[launch.bucket];
  if (!group.reduces_each_pass()) return group.flat.narrow(0, bucket.begin, bucket.size);
  if (!launch.buffer.defined()) launch.buffer = at::zeros({bucket.size}, group.owned.options());
  return launch.buffer;
}

/// Where the gradient of a parameter is summed, shaped like it.
at::Tensor GradientBuckets::gradient(Group& group, std::size_t parameter) {
  auto& launch = launches_[group.launch_of[group.partition.bucket_of(parameter)]];
  const auto& value = group.parameters[parameter];
  return bucket_buffer(launch)
      .narrow(0, group.partition.offset_in_bucket(parameter), value.numel())
      .view(value.sizes());
}

void GradientBuckets::accumulate(std::size_t number, std::size_t parameter, at::Tensor& gradient) {
  const at::NoGradGuard no_grad;
  auto& group = groups_[number];
  auto target = this->gradient(group, parameter);
  if (group.touched[parameter])
    target.add_(gradient);
  else
    target.copy_(gradient);
  group.touched[parameter] = 1;
  gradient.reset();
  if (!reducing_) return;
  const auto launch = group.launch_of[group.partition.bucket_of(parameter)];
  R1_CHECK(launch >= next_launch_, "parameter {}: a gradient after the reduction of its unit",
           group.places[parameter]);
  ++launches_[launch].num_ready;
  if (!by_units_) launch_ready(false);
}

void GradientBuckets::reduce(std::size_t number) {
  auto& launch = launches_[number];
  auto& group = groups_[launch.group];
  const auto& bucket = group.partition.buckets()[launch.bucket];
  const auto buffer = bucket_buffer(launch);
  constexpr auto kLabel = "gradient bucket";
  if (group.sharding == GradientSharding::None) {
    reductions_.push_back(
        {number, buffer, {}, group.ranks->all_reduce(buffer, ReduceOp::Sum, kLabel)});
    return;
  }
  auto part = group.owned.narrow(0, bucket.owned_begin, bucket.size / group.ranks->size());
  if (group.reduces_each_pass()) part = at::empty_like(part);
  reductions_.push_back(
      {number, buffer, part, group.ranks->reduce_scatter(part, buffer, ReduceOp::Sum, kLabel)});
  launch.buffer.reset();
  // Safe, as all ranks launch all buckets in one order.
  const auto most = by_units_ ? kUnitsInFlight : kReductionsInFlight;
  if (group.reduces_each_pass() && reductions_.size() > most) finish_oldest();
}

void GradientBuckets::launch_next() {
  const auto number = next_launch_++;
  auto& group = groups_[launches_[number].group];
  const auto& bucket = group.partition.buckets()[launches_[number].bucket];
  for (std::size_t i = 0; i < bucket.num_parameters; ++i)
    if (const auto parameter = bucket.first_parameter + i; !group.touched[parameter])
      gradient(group, parameter).zero_();
  if (group.is_reduced()) reduce(number);
}

void GradientBuckets::launch_ready(bool all) {
  const auto is_ready = [this](const Launch& launch) {
    return launch.num_ready ==
           groups_[launch.group].partition.buckets()[launch.bucket].num_parameters;
  };
  while (next_launch_ < launches_.size() && (all || is_ready(launches_[next_launch_])))
    launch_next();
  for (auto& reduction : reductions_) reduction.work.test();  // moves the messages on
}

void GradientBuckets::launch_through(std::int64_t unit) {
  const at::NoGradGuard no_grad;
  const auto unit_of = [this](const Launch& launch) {
    return groups_[launch.group].partition.buckets()[launch.bucket].unit;
  };
  while (reducing_ && next_launch_ < launches_.size() &&
         (unit_of(launches_[next_launch_]) >= unit || unit_of(launches_[next_launch_]) == kNoUnit))
    launch_next();
  for (auto& reduction : reductions_) reduction.work.test();  // moves the messages on
}

void GradientBuckets::launch() {
  const at::NoGradGuard no_grad;
  launch_ready(true);
}

void GradientBuckets::finish_oldest() {
  auto reduction = std::move(reductions_.front());
  reductions_.pop_front();
  reduction.work.wait();
  const auto& launch = launches_[reduction.launch];
  auto& group = groups_[launch.group];
  if (!group.reduces_each_pass()) return;
  const auto begin = group.partition.buckets()[launch.bucket].owned_begin;
  group.owned.narrow(0, begin, reduction.part.numel()).add_(reduction.part);
}

void GradientBuckets::finish() {
  while (!reductions_.empty()) finish_oldest();
}

}  // namespace r1::parallel
