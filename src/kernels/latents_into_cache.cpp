#include "kernels/latents_into_cache.h"

#include <ATen/ATen.h>

#include "kernels/add_rms_norm.h"
#include "kernels/cuda_library.h"

namespace r1::kernels {
namespace {

constexpr std::int64_t kWidestLatent = 1024;  // of the CUDA kernel

at::Tensor latents_into_cache_cuda(const at::Tensor& given_queries, const at::Tensor& given_latents,
                                   const LatentNorm& norm, const RopeTable& table, bool interleaved,
                                   at::Tensor& cache, const CachePlaces& places) {
  const auto queries = packed(given_queries), latents = packed(given_latents),
             cos = packed(table.cos), sin = packed(table.sin);
  const auto rows = queries.size(0), heads = queries.size(1), latent = norm.weight.size(0),
             rope = latents.size(1) - latent;
  auto absorbed = at::empty({rows, heads, latent + rope}, queries.options());
  const auto& kernels = *cuda_kernels();
  kernels.latents_into_cache(
      cuda_type(queries.scalar_type()),
      {queries.const_data_ptr(), latents.const_data_ptr(), norm.weight.const_data_ptr(),
       cos.const_data_ptr<float>(), sin.const_data_ptr<float>(),
       places.blocks.const_data_ptr<std::int64_t>(), places.offsets.const_data_ptr<std::int64_t>(),
       absorbed.mutable_data_ptr(), cache.mutable_data_ptr(), rows, heads, queries.size(2) - rope,
       rope, latent, cache.size(2), static_cast<float>(norm.epsilon), interleaved},
      current_cuda_stream(queries));
  check_launch(kernels, "latents_into_cache");
  return absorbed;
}

}  // namespace

at::Tensor latents_into_cache_reference(const at::Tensor& queries, const at::Tensor& latents,
                                        const LatentNorm& norm, const RopeTable& table,
                                        bool interleaved, at::Tensor cache,
                                        const CachePlaces& places) {
  const auto latent = norm.weight.size(0), rope = latents.size(1) - latent;
  const auto parts = latents.split_with_sizes({latent, rope}, 1);
  const auto normed = add_rms_norm(parts[0], {}, norm.weight, norm.epsilon).second;
  const auto key = rotate(parts[1].unsqueeze(1), table, interleaved);
  write_cache(cache, at::cat({normed.unsqueeze(1), key}, 2), places);
  auto absorbed = at::empty({queries.size(0), queries.size(1), latent + rope}, queries.options());
  absorbed.narrow(2, latent, rope)
      .copy_(rotate(queries.narrow(2, queries.size(2) - rope, rope), table, interleaved));
  return absorbed;
}

at::Tensor latents_into_cache(const at::Tensor& queries, const at::Tensor& latents,
                              const LatentNorm& norm, const RopeTable& table, bool interleaved,
                              at::Tensor cache, const CachePlaces& places) {
  const bool on_gpu =
      cuda_kernels_for(queries) != nullptr && table.cos.scalar_type() == at::kFloat &&
      cache.scalar_type() == queries.scalar_type() && is_packed(cache) && is_packed(norm.weight) &&
      norm.weight.size(0) <= kWidestLatent && (latents.size(1) - norm.weight.size(0)) % 2 == 0;
  return on_gpu ? latents_into_cache_cuda(queries, latents, norm, table, interleaved, cache, places)
                : latents_into_cache_reference(queries, latents, norm, table, interleaved, cache,
                                               places);
}

}  // namespace r1::kernels
