#include "generation/kv_cache.h"

#include <ATen/ATen.h>

namespace r1::generation {

nn::KvCache make_kv_cache(const models::CacheLayout& layout, std::int64_t num_blocks,
                          std::int64_t block_size, at::ScalarType dtype, at::Device device,
                          std::int64_t decisions) {
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
  if (decisions > 0)
    cache.experts = at::zeros({num_blocks, block_size, decisions}, options.dtype(at::kShort));
  return cache;
}

/// Rows that another rank of the tensor axis routes stay 0, so that the sum over the ranks is
/// whole.
at::Tensor forward_into_cache(const models::Model& model, models::ModelInput& input) {
  const auto& attention = input.attention;
  auto& experts = attention.cache->experts;
  if (!experts.defined()) return model.forward(input);
  input.experts.recorded = at::zeros({input.token_ids.size(0), experts.size(2)}, experts.options());
  auto hidden = model.forward(input);
  experts.index_put_({attention.places.blocks, attention.places.offsets}, input.experts.recorded);
  return hidden;
}

at::Tensor cached_decisions(const models::Model& model, const nn::KvCache& cache,
                            const std::vector<std::int32_t>& blocks, std::int64_t begin,
                            std::int64_t end) {
  const auto first = begin / cache.block_size;
  const auto last = (end + cache.block_size - 1) / cache.block_size;
  const auto index =
      at::tensor(std::vector<std::int64_t>(blocks.begin() + first, blocks.begin() + last),
                 at::kLong)
          .to(cache.experts.device());
  auto decisions = cache.experts.index_select(0, index)
                       .flatten(0, 1)
                       .narrow(0, begin - first * cache.block_size, end - begin)
                       .to(at::kInt);
  model.axes()[models::ModelAxis::Tensor]
      .all_reduce(decisions, parallel::ReduceOp::Sum, "router decisions")
      .wait();
  return decisions.to(at::kCPU, at::kShort);
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
  if (cache.experts.defined())
    cache.experts.index_copy_(0, target, cache.experts.index_select(0, source));
  if (!cache.values_in_keys) copy(cache.values);
}

}  // namespace r1::generation
