#pragma once
// Gradients of a step in one flat buffer, summed over micro-batches and reduced over data-parallel
// ranks in buckets while backward still runs.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <thread>
#include <vector>

#include "parallel/communicator.h"

namespace r1::parallel {

/// One flat tensor per step: [sum of numel], in the accumulation dtype, parameters in the given
/// order.
///
///   buckets.start();
///   for each micro-batch: { if (last) buckets.reduce_during_backward(); loss.backward(); }
///   buckets.launch();                       // whatever backward has not launched
///   …                                       // other collectives of the same communicator
///   buckets.finish();                       // flat() now holds the sum over all ranks
///
/// Rules kept: hooks mark parameters ready; buckets are launched in a fixed order (last parameters
/// first) by the thread that owns this object; parameters that a step did not use contribute zeros;
/// a rank without any micro-batch takes part. Ranks launch different numbers of buckets during
/// backward, so all must have launched the rest before any other collective.
class GradientBuckets {
 public:
  /// `parameters` require gradients and keep their storage. `bucket_bytes` of the flat buffer per
  /// reduction.
  GradientBuckets(std::vector<at::Tensor> parameters, at::ScalarType dtype,
                  std::int64_t bucket_bytes, Communicator& data_parallel);
  ~GradientBuckets();
  GradientBuckets(const GradientBuckets&) = delete;
  GradientBuckets& operator=(const GradientBuckets&) = delete;

  void start();
  void reduce_during_backward();
  /// After the last micro-batch. Collective over: the data-parallel axis.
  void launch();
  /// Waits for the sums.
  void finish();
  at::Tensor flat() const { return flat_; }
  /// The part of the flat buffer that is the gradient of parameter `index`, shaped like it.
  at::Tensor gradient(std::size_t index) const;
  /// Called by the hook of parameter `index` when its gradient of this micro-batch is complete.
  void accumulate(std::size_t index, at::Tensor& gradient);

 private:
  struct Bucket {
    std::int64_t begin = 0, end = 0;  // range of the flat buffer
    std::size_t parameters = 0;
    std::size_t ready = 0;
  };
  void launch_ready(bool all);

  std::vector<at::Tensor> parameters_;
  std::vector<std::int64_t> offsets_;
  std::vector<std::size_t> bucket_of_;
  std::vector<Bucket> buckets_;
  std::vector<char> touched_;
  at::Tensor flat_;
  Communicator& data_parallel_;
  std::vector<Work> pending_;
  std::size_t next_bucket_ = 0;
  bool reducing_ = false;
  std::thread::id owner_;
};

}  // namespace r1::parallel
