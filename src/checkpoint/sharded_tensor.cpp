#include "checkpoint/sharded_tensor.h"

#include <ATen/ATen.h>

namespace r1::checkpoint {

ShardedTensor whole_tensor(std::string name, at::Tensor tensor) {
  const auto shape = tensor.sizes().vec();
  const Box box{std::vector<std::int64_t>(shape.size(), 0), shape};
  return {std::move(name), shape, tensor.scalar_type(), {{box, std::move(tensor)}}, 0};
}

}  // namespace r1::checkpoint
