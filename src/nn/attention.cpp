#include "nn/attention.h"

#include <ATen/ATen.h>

#include "parallel/tensor_parallel.h"

namespace r1::nn {

at::Tensor rows_of_all_ranks(const at::Tensor& x, parallel::Communicator& ranks) {
  return parallel::gather_rows(x.flatten(1), x.size(0) * ranks.size(), /*whole_gradient=*/false,
                               ranks, "keys and values")
      .view({-1, x.size(1), x.size(2)});
}

std::vector<at::Tensor> kept_small(const TensorFunction& function,
                                   const std::vector<at::Tensor>& inputs) {
  // A layer that is computed again as a whole keeps nothing for long.
  return at::GradMode::is_enabled() && !computes_again() ? checkpointed(function, inputs)
                                                         : function(inputs);
}

at::Tensor read_cache(const at::Tensor& cache, const kernels::CachePlaces& places) {
  return cache.transpose(1, 2).index({places.blocks, places.offsets});
}

at::Tensor attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                     const AttentionMetadata& metadata, std::int64_t layer, double scale) {
  const auto index = static_cast<std::size_t>(layer);
  if (metadata.cache != nullptr) {
    kernels::write_cache(metadata.cache->keys[index], key, metadata.places);
    kernels::write_cache(metadata.cache->values[index], value, metadata.places);
  }
  if (const auto* packed = std::get_if<kernels::PackedAttention>(&metadata.pattern)) {
    if (metadata.context != nullptr)
      return kept_small(
          [packed, scale, ranks = metadata.context](const std::vector<at::Tensor>& x) {
            const auto widths = {x[1].size(2), x[2].size(2)};
            const auto all =
                rows_of_all_ranks(at::cat({x[1], x[2]}, 2), *ranks).split_with_sizes(widths, 2);
            return std::vector{kernels::packed_attention(x[0], all[0], all[1], *packed, scale)};
          },
          {query, key, value})[0];
    if (!packed->key_places) return kernels::packed_attention(query, key, value, *packed, scale);
    return kernels::packed_attention(
        query, read_cache(metadata.cache->keys[index], *packed->key_places),
        read_cache(metadata.cache->values[index], *packed->key_places), *packed, scale);
  }
  return kernels::paged_attention(query, metadata.cache->keys[index], metadata.cache->values[index],
                                  std::get<kernels::PagedAttention>(metadata.pattern), scale);
}

}  // namespace r1::nn
