#include "nn/attention.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include "base/errors.h"
#include "kernels/cpu_paged_attention.h"
#include "kernels/decode_attention.h"

namespace r1::nn {
namespace {

/// [T, K, Dh] -> [T, H, Dh] by repeating every KV head H/K times.
at::Tensor repeat_heads(const at::Tensor& x, std::int64_t num_heads) {
  const auto repeats = num_heads / x.size(1);
  if (repeats == 1) return x;
  return x.unsqueeze(2)
      .expand({x.size(0), x.size(1), repeats, x.size(2)})
      .reshape({x.size(0), num_heads, x.size(2)});
}

/// Zeros behind the last dimension up to `width`.
at::Tensor widened(const at::Tensor& x, std::int64_t width) {
  return x.size(2) == width ? x : at::constant_pad_nd(x, {0, width - x.size(2)});
}

/// [n, H, Dh] -> [1, H, n, Dh], what scaled_dot_product_attention takes.
at::Tensor heads_first(const at::Tensor& x) {
  return x.transpose(0, 1).unsqueeze(0);
}

kernels::CacheStrides strides_of(const at::Tensor& cache) {
  return {cache.stride(0), cache.stride(1), cache.stride(2)};
}

template <class T>
void run_paged_kernel(const at::Tensor& query, const at::Tensor& key_cache,
                      const at::Tensor& value_cache, const PagedAttention& paged, double scale,
                      at::Tensor& output) {
  const auto longest = paged.context_lengths.max().item<std::int32_t>();
  const auto group = query.size(1) / key_cache.size(1);
  const kernels::PagedAttentionArguments<T> arguments{
      query.const_data_ptr<T>(),
      key_cache.const_data_ptr<T>(),
      value_cache.const_data_ptr<T>(),
      output.mutable_data_ptr<T>(),
      paged.block_table.const_data_ptr<std::int32_t>(),
      paged.context_lengths.const_data_ptr<std::int32_t>(),
      strides_of(key_cache),
      strides_of(value_cache),
      paged.block_table.size(1),
      key_cache.size(2),
      query.size(1),
      key_cache.size(1),
      query.size(2),
      value_cache.size(3),
      scale};
  at::parallel_for(0, query.size(0) * key_cache.size(1), 8,
                   [&](std::int64_t begin, std::int64_t end) {
                     std::vector<kernels::Accumulator<T>> scratch(
                         static_cast<std::size_t>(group * (longest + value_cache.size(3))));
                     kernels::paged_attention_pairs<T>(arguments, scratch.data(), begin, end);
                   });
}

}  // namespace

at::Tensor flash_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                           const VariableLengths& lengths, double scale) {
  constexpr std::int64_t kStep = 8;  // the kernel's widths are multiples of it
  const auto value_dim = value.size(2);
  const auto width = (std::max(key.size(2), value_dim) + kStep - 1) / kStep * kStep;
  const auto keys_of = [&](const at::Tensor& x) {
    const auto wide = widened(x, width);
    if (!lengths.key_rows.defined()) return wide;
    // A prefix's gradient is a sum over its continuations: in fp32.
    return wide.to(at::kFloat).index_select(0, lengths.key_rows).to(wide.scalar_type());
  };
  const auto output = std::get<0>(at::_flash_attention_forward(
      widened(query, width), keys_of(key), keys_of(value), lengths.query_ends, lengths.key_ends,
      lengths.longest_query, lengths.longest_keys, /*dropout_p=*/0.0, /*is_causal=*/true,
      /*return_debug_mask=*/false, scale));
  return width == value_dim ? output : output.narrow(2, 0, value_dim);
}

at::Tensor packed_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                            const PackedAttention& packed, double scale) {
  if (packed.lengths) return flash_attention(query, key, value, *packed.lengths, scale);
  const auto num_heads = query.size(1), key_dim = query.size(2), value_dim = value.size(2);
  // The fused kernels want one width for keys and values; zeros change neither scores nor sums.
  const auto width = std::max(key_dim, value_dim);
  std::vector<std::int64_t> lengths, num_keys;
  for (const auto& run : packed.runs) {
    lengths.push_back(run.length);
    num_keys.push_back(run.past + run.length);
  }
  // split/cat rather than narrow: their backward writes each gradient once instead of padding it to
  // the whole batch
  const auto queries = widened(query, width).split_with_sizes(lengths);
  const auto keys = widened(repeat_heads(key, num_heads), width).split_with_sizes(num_keys);
  const auto values = widened(repeat_heads(value, num_heads), width).split_with_sizes(num_keys);
  std::vector<at::Tensor> outputs;
  for (std::size_t i = 0; i < packed.runs.size(); ++i) {
    const auto& mask = packed.runs[i].mask;
    const auto out = at::scaled_dot_product_attention(
        heads_first(queries[i]), heads_first(keys[i]), heads_first(values[i]),
        mask.defined() ? std::optional(mask) : std::nullopt, /*dropout_p=*/0.0,
        /*is_causal=*/!mask.defined(), scale);
    outputs.push_back(out.squeeze(0).transpose(0, 1));
  }
  const auto output = outputs.size() == 1 ? outputs[0] : at::cat(outputs, 0);
  return width == value_dim ? output : output.narrow(2, 0, value_dim);
}

at::Tensor read_cache(const at::Tensor& cache, const kernels::CachePlaces& places) {
  return cache.transpose(1, 2).index({places.blocks, places.offsets});
}

at::Tensor paged_attention_cpu(const at::Tensor& query, const at::Tensor& key_cache,
                               const at::Tensor& value_cache, const PagedAttention& paged,
                               double scale) {
  auto output = at::empty({query.size(0), query.size(1), value_cache.size(3)}, query.options());
  switch (query.scalar_type()) {
    case at::kDouble:
      run_paged_kernel<double>(query, key_cache, value_cache, paged, scale, output);
      break;
    case at::kFloat:
      run_paged_kernel<float>(query, key_cache, value_cache, paged, scale, output);
      break;
    case at::kBFloat16:
      run_paged_kernel<c10::BFloat16>(query, key_cache, value_cache, paged, scale, output);
      break;
    default:
      R1_CHECK(false, "paged attention of dtype {}", c10::toString(query.scalar_type()));
  }
  return output;
}

at::Tensor paged_attention_reference(const at::Tensor& query, const at::Tensor& key_cache,
                                     const at::Tensor& value_cache, const PagedAttention& paged,
                                     double scale) {
  const auto rows = query.size(0), kv_heads = key_cache.size(1), block_size = key_cache.size(2);
  const auto plan = paged.gather ? *paged.gather
                                 : make_paged_gather(paged.block_table, paged.context_lengths,
                                                     kv_heads, block_size, query.scalar_type());
  const auto gather = [&](const at::Tensor& cache) {  // -> [rows, K, capacity, width]
    return cache.view({-1, block_size * cache.size(3)})
        .index_select(0, plan.rows)
        .view({rows, kv_heads, -1, cache.size(3)});
  };
  const auto keys = gather(key_cache);
  const auto values = value_cache.is_alias_of(key_cache) ? keys.narrow(3, 0, value_cache.size(3))
                                                         : gather(value_cache);
  // The heads that share a KV head are its queries: nothing is repeated for them.
  return at::scaled_dot_product_attention(query.reshape({rows, kv_heads, -1, query.size(2)}), keys,
                                          values, plan.mask, 0.0, false, scale)
      .reshape({rows, query.size(1), value_cache.size(3)});
}

at::Tensor paged_attention(const at::Tensor& query, const at::Tensor& key_cache,
                           const at::Tensor& value_cache, const PagedAttention& paged,
                           double scale) {
  if (kernels::takes_decode_attention(key_cache, value_cache, query.size(1) / key_cache.size(1))) {
    const auto counters = paged.counters.defined() ? paged.counters
                                                   : at::zeros({query.size(0) * key_cache.size(1)},
                                                               paged.context_lengths.options());
    return kernels::decode_attention(query, key_cache, value_cache, paged.block_table,
                                     paged.context_lengths, counters, scale);
  }
  const auto compute = query.is_cpu() ? paged_attention_cpu : paged_attention_reference;
  return compute(query.contiguous(), key_cache, value_cache, paged, scale);
}

at::Tensor attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                     const AttentionMetadata& metadata, std::int64_t layer, double scale) {
  const auto index = static_cast<std::size_t>(layer);
  if (metadata.cache != nullptr) {
    kernels::write_cache(metadata.cache->keys[index], key, metadata.places);
    kernels::write_cache(metadata.cache->values[index], value, metadata.places);
  }
  if (const auto* packed = std::get_if<PackedAttention>(&metadata.pattern)) {
    if (!packed->key_places) return packed_attention(query, key, value, *packed, scale);
    return packed_attention(query, read_cache(metadata.cache->keys[index], *packed->key_places),
                            read_cache(metadata.cache->values[index], *packed->key_places), *packed,
                            scale);
  }
  return paged_attention(query, metadata.cache->keys[index], metadata.cache->values[index],
                         std::get<PagedAttention>(metadata.pattern), scale);
}

}  // namespace r1::nn
