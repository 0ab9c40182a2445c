#pragma once
// Recompute a part of the network in backward instead of keeping its activations.
#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace r1::nn {

using TensorFunction = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>&)>;

/// Where the inputs wait for backward. OnHost: those of a GPU in pinned host memory; the copies are
/// ordered by the current stream, which does not wait for the host.
enum class KeepInputs { InPlace, OnHost };

/// function(inputs), keeping only the inputs for backward. Parameters that `function` captures get
/// their gradients too. At least one input must require a gradient. Reference: Chen et al., arXiv
/// 1604.06174.
std::vector<at::Tensor> checkpointed(const TensorFunction& function,
                                     const std::vector<at::Tensor>& inputs,
                                     KeepInputs keep = KeepInputs::InPlace);

/// True while a part is computed again for backward: what it returns is not read then, only what
/// its operations keep. So its last product may be left out.
bool computes_again();

}  // namespace r1::nn
