#include "nn/attention.h"

#include <ATen/ATen.h>

namespace r1::nn {

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
    if (!packed->key_places) return kernels::packed_attention(query, key, value, *packed, scale);
    return kernels::packed_attention(
        query, read_cache(metadata.cache->keys[index], *packed->key_places),
        read_cache(metadata.cache->values[index], *packed->key_places), *packed, scale);
  }
  return kernels::paged_attention(query, metadata.cache->keys[index], metadata.cache->values[index],
                                  std::get<kernels::PagedAttention>(metadata.pattern), scale);
}

}  // namespace r1::nn
