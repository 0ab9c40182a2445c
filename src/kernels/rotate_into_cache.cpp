#include "kernels/rotate_into_cache.h"

#include <ATen/ATen.h>

#include "kernels/add_rms_norm.h"
#include "kernels/cuda_library.h"

namespace r1::kernels {
namespace {

constexpr std::int64_t kWidestRotated = 256;  // of the CUDA kernel

/// The norm of every head of x [T, N, Dh].
at::Tensor head_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
  const auto heads = x.reshape({-1, x.size(2)});
  return add_rms_norm(heads, {}, weight, epsilon).second.view(x.sizes());
}

bool takes_cuda_kernel(const at::Tensor& qkv, const RopeTable& table, const at::Tensor& key_cache,
                       const at::Tensor& value_cache) {
  return cuda_kernels_for(qkv) != nullptr && table.cos.scalar_type() == at::kFloat &&
         key_cache.scalar_type() == qkv.scalar_type() && key_cache.is_contiguous() &&
         value_cache.is_contiguous() && key_cache.sizes() == value_cache.sizes() &&
         key_cache.size(3) % 2 == 0 && key_cache.size(3) <= kWidestRotated;
}

const void* data_or_null(const at::Tensor& x) {
  return x.defined() ? x.const_data_ptr() : nullptr;
}

std::int64_t query_heads(const at::Tensor& qkv, const at::Tensor& key_cache) {
  return qkv.size(1) / key_cache.size(3) - 2 * key_cache.size(1);
}

at::Tensor rotate_into_cache_cuda(const at::Tensor& given, const RopeTable& table,
                                  const HeadNorms& norms, at::Tensor& key_cache,
                                  at::Tensor& value_cache, const CachePlaces& places) {
  const auto qkv = packed(given), cos = packed(table.cos), sin = packed(table.sin);
  const auto heads = query_heads(qkv, key_cache), dim = key_cache.size(3);
  auto query = at::empty({qkv.size(0), heads, dim}, qkv.options());
  const auto& kernels = *cuda_kernels();
  kernels.rotate_into_cache(
      cuda_type(qkv.scalar_type()),
      {qkv.const_data_ptr(), data_or_null(norms.query), data_or_null(norms.key),
       cos.const_data_ptr<float>(), sin.const_data_ptr<float>(),
       places.blocks.const_data_ptr<std::int64_t>(), places.offsets.const_data_ptr<std::int64_t>(),
       query.mutable_data_ptr(), key_cache.mutable_data_ptr(), value_cache.mutable_data_ptr(),
       qkv.size(0), heads, key_cache.size(1), dim, key_cache.size(2),
       static_cast<float>(norms.epsilon)},
      current_cuda_stream(qkv));
  check_launch(kernels, "rotate_into_cache");
  return query;
}

}  // namespace

std::tuple<at::Tensor, at::Tensor, at::Tensor> split_norm_and_rotate(
    const at::Tensor& qkv, const RopeTable& table, const HeadNorms& norms, std::int64_t num_heads,
    std::int64_t num_kv_heads, std::int64_t head_dim) {
  if (!norms.query.defined())
    return split_and_rotate(qkv, table, num_heads, num_kv_heads, head_dim);
  const auto parts = qkv.view({qkv.size(0), num_heads + 2 * num_kv_heads, head_dim})
                         .split_with_sizes({num_heads, num_kv_heads, num_kv_heads}, 1);
  return {rotate(head_norm(parts[0], norms.query, norms.epsilon), table),
          rotate(head_norm(parts[1], norms.key, norms.epsilon), table), parts[2]};
}

void write_cache(at::Tensor cache, const at::Tensor& x, const CachePlaces& places) {
  cache.transpose(1, 2).index_put_({places.blocks, places.offsets}, x);
}

at::Tensor rotate_into_cache_reference(const at::Tensor& qkv, const RopeTable& table,
                                       const HeadNorms& norms, at::Tensor key_cache,
                                       at::Tensor value_cache, const CachePlaces& places) {
  const auto [q, k, v] = split_norm_and_rotate(qkv, table, norms, query_heads(qkv, key_cache),
                                               key_cache.size(1), key_cache.size(3));
  write_cache(key_cache, k, places);
  write_cache(value_cache, v, places);
  return q;
}

at::Tensor rotate_into_cache(const at::Tensor& qkv, const RopeTable& table, const HeadNorms& norms,
                             at::Tensor key_cache, at::Tensor value_cache,
                             const CachePlaces& places) {
  return takes_cuda_kernel(qkv, table, key_cache, value_cache)
             ? rotate_into_cache_cuda(qkv, table, norms, key_cache, value_cache, places)
             : rotate_into_cache_reference(qkv, table, norms, key_cache, value_cache, places);
}

}  // namespace r1::kernels
