#pragma once
// What a rank holds of a named global tensor: boxes of it. The unit of saving, loading and
// re-sharding.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "parallel/box.h"

namespace r1::checkpoint {

using parallel::Box;

/// A box and the memory that holds it: a view (any strides) shaped `box.extent`.
struct LocalBox {
  Box box;
  at::Tensor view;
};

/// Name as in Hugging Face files ("model.layers.0.self_attn.q_proj.weight"), with a prefix for
/// optimizer state
/// ("optimizer.exp_avg/…"). Several ShardedTensors may view one storage (fused q/k/v, gate/up, flat
/// ZeRO ranges).
struct ShardedTensor {
  std::string name;
  std::vector<std::int64_t> shape;  // global
  at::ScalarType dtype;
  std::vector<LocalBox> boxes;  // empty: nothing of it here
  std::int64_t replica = 0;     // 0 = the copy that is written
};

/// A tensor that is whole on this rank.
ShardedTensor whole_tensor(std::string name, at::Tensor tensor);

}  // namespace r1::checkpoint
