#pragma once
// A call at a point of the backward pass.
#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace r1::nn {

/// Returns `tensors` as views. When the backward pass has computed the gradients of all of them,
/// `call` runs, and the pass goes on behind it. Operations that autograd recorded later than this
/// call are then over as far as their gradients were available. At least one tensor must require a
/// gradient, else `call` never runs.
std::vector<at::Tensor> when_gradients_arrive(const std::vector<at::Tensor>& tensors,
                                              const std::function<void()>& call);

}  // namespace r1::nn
