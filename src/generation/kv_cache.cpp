#include "generation/kv_cache.h"

#include <ATen/ATen.h>

namespace r1::generation {

nn::KvCache make_kv_cache(const models::CacheLayout& layout, std::int64_t num_blocks,
                          std::int64_t block_size, at::ScalarType dtype, at::Device device) {
  nn::KvCache cache;
  cache.block_size = block_size;
  cache.values_in_keys = layout.values_in_keys;
  const auto options = at::TensorOptions(device).dtype(dtype);
  const auto zeros = [&](std::int64_t width) {
    return at::zeros({num_blocks, layout.num_kv_heads, block_size, width}, options);
  };
  for (std::int64_t layer = 0; layer < layout.num_layers; ++layer) {
    cache.keys.push_back(zeros(layout.key_dim));
    cache.values.push_back(layout.values_in_keys ? cache.keys.back().narrow(3, 0, layout.value_dim)
                                                 : zeros(layout.value_dim));
  }
  return cache;
}

void copy_blocks(nn::KvCache& cache, const std::vector<std::int64_t>& from,
                 const std::vector<std::int64_t>& to) {
  if (from.empty()) return;
  const auto source = at::tensor(from, at::kLong).to(cache.keys[0].device());
  const auto target = at::tensor(to, at::kLong).to(cache.keys[0].device());
  const auto copy = [&](std::vector<at::Tensor>& side) {
    for (auto& layer : side) layer.index_copy_(0, target, layer.index_select(0, source));
  };
  copy(cache.keys);
  if (!cache.values_in_keys) copy(cache.values);
}

}  // namespace r1::generation
