#include "parallel/gradient_buckets.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include "base/errors.h"

namespace r1::parallel {
namespace {

class AccumulateHook final : public torch::autograd::PostAccumulateGradHook {
 public:
  AccumulateHook(GradientBuckets& buckets, std::size_t index) : buckets_(buckets), index_(index) {}
  void operator()(const at::Tensor& parameter) override {
    buckets_.accumulate(index_, parameter.mutable_grad());
  }

 private:
  GradientBuckets& buckets_;
  std::size_t index_;
};

}  // namespace

GradientBuckets::GradientBuckets(std::vector<at::Tensor> parameters, at::ScalarType dtype,
                                 std::int64_t bucket_bytes, Communicator& data_parallel)
    : parameters_(std::move(parameters)),
      bucket_of_(parameters_.size()),
      touched_(parameters_.size(), 0),
      data_parallel_(data_parallel),
      owner_(std::this_thread::get_id()) {
  std::int64_t total = 0;
  for (const auto& parameter : parameters_) {
    offsets_.push_back(total);
    total += parameter.numel();
  }
  flat_ = at::zeros({total}, parameters_.front().options().dtype(dtype).requires_grad(false));
  const auto limit =
      std::max<std::int64_t>(1, bucket_bytes / static_cast<std::int64_t>(flat_.element_size()));
  // Backward reaches the last parameters first: buckets are filled and launched from the end.
  for (std::size_t i = parameters_.size(); i-- > 0;) {
    const auto end = offsets_[i] + parameters_[i].numel();
    if (buckets_.empty() || buckets_.back().end - offsets_[i] > limit)
      buckets_.push_back({offsets_[i], end, 0, 0});
    buckets_.back().begin = offsets_[i];
    ++buckets_.back().parameters;
    bucket_of_[i] = buckets_.size() - 1;
    torch::autograd::impl::set_post_acc_grad_hooks(parameters_[i],
                                                   std::make_unique<AccumulateHook>(*this, i));
  }
}

GradientBuckets::~GradientBuckets() {
  for (auto& parameter : parameters_)
    torch::autograd::impl::set_post_acc_grad_hooks(parameter, nullptr);
}

void GradientBuckets::start() {
  std::fill(touched_.begin(), touched_.end(), 0);
  for (auto& bucket : buckets_) bucket.ready = 0;
  next_bucket_ = 0;
  reducing_ = false;
}

void GradientBuckets::reduce_during_backward() {
  reducing_ = data_parallel_.size() > 1;
}

at::Tensor GradientBuckets::gradient(std::size_t index) const {
  return flat_.narrow(0, offsets_[index], parameters_[index].numel())
      .view(parameters_[index].sizes());
}

void GradientBuckets::accumulate(std::size_t index, at::Tensor& gradient) {
  const at::NoGradGuard no_grad;
  auto target = this->gradient(index);
  if (touched_[index])
    target.add_(gradient);
  else
    target.copy_(gradient);
  touched_[index] = 1;
  gradient.reset();
  if (!reducing_) return;
  ++buckets_[bucket_of_[index]].ready;
  if (std::this_thread::get_id() == owner_) launch_ready(false);
}

void GradientBuckets::launch_ready(bool all) {
  for (; next_bucket_ < buckets_.size(); ++next_bucket_) {
    auto& bucket = buckets_[next_bucket_];
    if (!all && bucket.ready < bucket.parameters) break;
    pending_.push_back(
        data_parallel_.all_reduce(flat_.narrow(0, bucket.begin, bucket.end - bucket.begin),
                                  ReduceOp::Sum, "gradient bucket"));
  }
  for (auto& work : pending_) work.test();  // moves the messages on
}

void GradientBuckets::launch() {
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    if (!touched_[i]) gradient(i).zero_();
  if (data_parallel_.size() > 1) launch_ready(true);
}

void GradientBuckets::finish() {
  for (auto& work : pending_) work.wait();
  pending_.clear();
}

}  // namespace r1::parallel
