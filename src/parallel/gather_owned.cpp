#include "parallel/gather_owned.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <deque>

namespace r1::parallel {
namespace {

constexpr std::size_t kBucketsInFlight = 2;  // buckets: the next travels while one is copied

at::Tensor flat(const at::Tensor& parameter) {
  return parameter.detach().view(-1);
}

struct Gathering {
  const FlatBucket* bucket;
  at::Tensor whole;
  Work work;
};

void finish(Gathering gathering, const FlatPartition& partition,
            std::span<const at::Tensor> parameters) {
  gathering.work.wait();
  for (std::size_t i = 0; i < gathering.bucket->num_parameters; ++i) {
    const auto parameter = gathering.bucket->first_parameter + i;
    const auto target = flat(parameters[parameter]);
    target.copy_(gathering.whole.narrow(0, partition.offset_in_bucket(parameter), target.numel()));
  }
}

}  // namespace

void gather_owned(const FlatPartition& partition, std::span<const at::Tensor> parameters,
                  Communicator& ranks) {
  if (partition.num_owners() == 1) return;
  const at::NoGradGuard no_grad;
  std::deque<Gathering> in_flight;
  for (std::size_t b = 0; b < partition.buckets().size(); ++b) {
    const auto& bucket = partition.buckets()[b];
    if (bucket.unit != kNoUnit) continue;
    const auto options = parameters[bucket.first_parameter].options().requires_grad(false);
    const auto part = at::zeros({bucket.size / partition.num_owners()}, options);
    for (const auto& range : partition.owned())
      if (partition.bucket_of(range.parameter) == b)
        part.narrow(0, range.offset - bucket.owned_begin, range.size)
            .copy_(flat(parameters[range.parameter]).narrow(0, range.begin, range.size));
    const auto whole = at::empty({bucket.size}, options);
    in_flight.push_back({&bucket, whole, ranks.all_gather(whole, part, "updated weights")});
    if (in_flight.size() <= kBucketsInFlight) continue;
    finish(std::move(in_flight.front()), partition, parameters);
    in_flight.pop_front();
  }
  for (auto& gathering : in_flight) finish(std::move(gathering), partition, parameters);
}

}  // namespace r1::parallel
