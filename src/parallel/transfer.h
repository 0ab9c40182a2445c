#pragma once
// Carries out a transfer plan: sends the boxes of tensors to the ranks that need them.
#include <ATen/core/Tensor.h>

#include <functional>
#include <span>

#include "parallel/communicator.h"
#include "parallel/transfer_plan.h"

namespace r1::parallel {

/// The memory of a rank as transfer() reads and fills it.
struct TransferEnds {
  at::Device device;  // of the messages: the device on which the communicator sends tensors
  /// Returns the values of a box of this rank's source layout: a view with any strides, dtype and
  /// device.
  std::function<at::Tensor(const TensorBox& box)> take;
  /// Receives the values of a box of this rank's target layout, in the box's shape. The tensor is
  /// valid during the call.
  std::function<void(const TensorBox& box, const at::Tensor& values)> put;
};

/// Sends and receives the boxes of `plan` over `ranks`. `dtypes`: as for plan_transfer; take() may
/// return another dtype, which is converted. Two rounds are in flight at a time, so the messages
/// need at most two buckets of memory. Returns the most bytes of messages that were in memory at a
/// time. Collective over: ranks.
std::int64_t transfer(const TransferPlan& plan, std::span<const at::ScalarType> dtypes,
                      Communicator& ranks, const TransferEnds& ends, const char* label);

}  // namespace r1::parallel
