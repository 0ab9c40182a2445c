#include "kernels/paged_attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <limits>

#include "base/errors.h"
#include "kernels/cpu_paged_attention.h"
#include "kernels/decode_attention.h"

namespace r1::kernels {
namespace {

CacheStrides strides_of(const at::Tensor& cache) {
  return {cache.stride(0), cache.stride(1), cache.stride(2)};
}

template <class T>
void run_paged_kernel(const at::Tensor& query, const at::Tensor& key_cache,
                      const at::Tensor& value_cache, const PagedAttention& paged, double scale,
                      at::Tensor& output) {
  const auto longest = paged.context_lengths.max().item<std::int32_t>();
  const auto group = query.size(1) / key_cache.size(1);
  const PagedAttentionArguments<T> arguments{query.const_data_ptr<T>(),
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
                     std::vector<Accumulator<T>> scratch(
                         static_cast<std::size_t>(group * (longest + value_cache.size(3))));
                     paged_attention_pairs<T>(arguments, scratch.data(), begin, end);
                   });
}

}  // namespace

PagedGather make_paged_gather(const at::Tensor& block_table, const at::Tensor& context_lengths,
                              std::int64_t num_kv_heads, std::int64_t block_size,
                              at::ScalarType dtype) {
  const auto table = block_table.to(at::kLong);
  const auto heads = at::arange(num_kv_heads, table.options());
  const auto rows = table.unsqueeze(1) * num_kv_heads + heads.view({1, -1, 1});
  const auto capacity = block_table.size(1) * block_size;
  const auto hidden =
      at::arange(capacity, context_lengths.options()).unsqueeze(0) >= context_lengths.unsqueeze(1);
  const auto mask = at::zeros(hidden.sizes(), hidden.options().dtype(dtype))
                        .masked_fill_(hidden, -std::numeric_limits<double>::infinity());
  return {rows.flatten(), mask.unsqueeze(1).unsqueeze(1)};
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

PagedAttentionForm paged_attention_form(const at::Tensor& key_cache, const at::Tensor& value_cache,
                                        std::int64_t group) {
  if (key_cache.is_cpu()) return PagedAttentionForm::CpuLoops;
  return takes_decode_attention(key_cache, value_cache, group) ? PagedAttentionForm::CudaKernel
                                                               : PagedAttentionForm::Gather;
}

at::Tensor paged_attention(const at::Tensor& query, const at::Tensor& key_cache,
                           const at::Tensor& value_cache, const PagedAttention& paged,
                           double scale) {
  switch (paged_attention_form(key_cache, value_cache, query.size(1) / key_cache.size(1))) {
    case PagedAttentionForm::CpuLoops:
      return paged_attention_cpu(query.contiguous(), key_cache, value_cache, paged, scale);
    case PagedAttentionForm::Gather:
      return paged_attention_reference(query.contiguous(), key_cache, value_cache, paged, scale);
    case PagedAttentionForm::CudaKernel:
      break;
  }
  const auto counters =
      paged.counters.defined()
          ? paged.counters
          : at::zeros({decode_attention_counters(query.size(0), query.size(1), key_cache.size(1))},
                      paged.context_lengths.options());
  return decode_attention(query, key_cache, value_cache, paged.block_table, paged.context_lengths,
                          counters, scale);
}

}  // namespace r1::kernels
