#pragma once
// Activation recomputation (gradient checkpointing): the backward pass computes a part of the
// network again, so that the forward pass need not keep the part's activations.
#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace r1::nn {

using TensorFunction = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>&)>;

/// Where the inputs are kept until the backward pass. OnHost: inputs on a GPU are kept in pinned
/// host memory; the copies are ordered by the current stream, and the host does not wait.
enum class KeepInputs { InPlace, OnHost };

/// Returns function(inputs), and keeps only the inputs for the backward pass. Parameters that
/// `function` captures also receive their gradients. At least one input must require a gradient.
/// Reference: Chen et al., arXiv 1604.06174.
std::vector<at::Tensor> checkpointed(const TensorFunction& function,
                                     const std::vector<at::Tensor>& inputs,
                                     KeepInputs keep = KeepInputs::InPlace);

/// True while the backward pass computes a part again. The values that the part returns are then
/// not read; only the tensors that the part's operations keep matter. The part's last product may
/// therefore be left out.
bool computes_again();

}  // namespace r1::nn
