#include "nn/mla.h"

#include <ATen/ATen.h>

#include "kernels/add_rms_norm.h"
#include "kernels/latents_into_cache.h"
#include "nn/attention.h"

namespace r1::nn {
namespace {

constexpr double kNormEpsilon = 1e-6;  // of the inner norms, whatever the model's rms_norm_eps

at::Tensor normed(const at::Tensor& x, const at::Tensor& weight) {
  return kernels::add_rms_norm(x, {}, weight, kNormEpsilon).second;
}

/// [T, H, N + P], not yet rotated.
at::Tensor project_queries(const LatentAttention& w, const at::Tensor& x) {
  const auto compressed = w.query_down.weight.defined() ? normed(w.query_down(x), w.query_norm) : x;
  return at::linear(compressed, w.query_up)
      .view({x.size(0), w.dims.num_heads, w.dims.nope + w.dims.rope});
}

struct Queries {
  at::Tensor nope;  // [T, H, N]
  at::Tensor rope;  // [T, H, P], rotated
};

Queries make_queries(const LatentAttention& w, const at::Tensor& x, const RopeTable& rope) {
  const auto parts = project_queries(w, x).split_with_sizes({w.dims.nope, w.dims.rope}, 2);
  return {parts[0], kernels::rotate(parts[1], rope, w.interleaved)};
}

struct Latents {
  at::Tensor latent;    // [T, R], after its norm
  at::Tensor rope_key;  // [T, 1, P], rotated
};

Latents make_latents(const LatentAttention& w, const at::Tensor& x, const RopeTable& rope) {
  const auto parts = w.latent_down(x).split_with_sizes({w.dims.latent, w.dims.rope}, 1);
  return {normed(parts[0], w.latent_norm),
          kernels::rotate(parts[1].unsqueeze(1), rope, w.interleaved)};
}

/// What the cache has at `places`.
Latents read_latents(const LatentAttention& w, const at::Tensor& cache,
                     const kernels::CachePlaces& places) {
  const auto parts = read_cache(cache, places).split_with_sizes({w.dims.latent, w.dims.rope}, 2);
  return {parts[0].squeeze(1), parts[1]};
}

/// Expanded: every head's keys and values are formed.
at::Tensor attend_packed(const LatentAttention& w, const Queries& queries, const Latents& latents,
                         const kernels::PackedAttention& packed) {
  const auto tokens = latents.latent.size(0), heads = w.dims.num_heads;
  const auto expanded = at::linear(latents.latent, w.latent_up)
                            .view({tokens, heads, w.dims.nope + w.dims.value})
                            .split_with_sizes({w.dims.nope, w.dims.value}, 2);
  const auto key = at::cat({expanded[0], latents.rope_key.expand({tokens, heads, w.dims.rope})}, 2);
  const auto query = at::cat({queries.nope, queries.rope}, 2);
  return kernels::packed_attention(query, key, expanded[1], packed, w.scale);
}

/// attend_packed over the latents of all ranks of the context axis.
at::Tensor attend_context(const LatentAttention& w, const Queries& queries, const Latents& latents,
                          const kernels::PackedAttention& packed, parallel::Communicator& ranks) {
  return kept_small(
      [&w, &packed, &ranks](const std::vector<at::Tensor>& x) {
        const auto all = rows_of_all_ranks(at::cat({x[2].unsqueeze(1), x[3]}, 2), ranks)
                             .split_with_sizes({w.dims.latent, w.dims.rope}, 2);
        return std::vector{attend_packed(w, {x[0], x[1]}, {all[0].squeeze(1), all[1]}, packed)};
      },
      {queries.nope, queries.rope, latents.latent, latents.rope_key})[0];
}

/// Absorbed: the cached latents are the keys and, their first R columns, the values of one KV head.
at::Tensor attend_paged(const LatentAttention& w, const at::Tensor& x, const RopeTable& rope,
                        const AttentionMetadata& metadata, std::size_t layer) {
  const auto& cache = *metadata.cache;
  const auto up = w.latent_up.view({w.dims.num_heads, -1, w.dims.latent})
                      .split_with_sizes({w.dims.nope, w.dims.value}, 1);
  const auto queries = project_queries(w, x);
  const auto absorbed =
      kernels::latents_into_cache(queries, w.latent_down(x), {w.latent_norm, kNormEpsilon}, rope,
                                  w.interleaved, cache.keys[layer], metadata.places);
  auto latent_query = absorbed.narrow(2, 0, w.dims.latent).transpose(0, 1);
  at::bmm_out(latent_query, queries.narrow(2, 0, w.dims.nope).transpose(0, 1), up[0]);
  const auto sums = kernels::paged_attention(absorbed, cache.keys[layer], cache.values[layer],
                                             std::get<kernels::PagedAttention>(metadata.pattern),
                                             w.scale);  // [T, H, R]
  auto mixed = at::empty({x.size(0), w.dims.num_heads, w.dims.value}, x.options());
  auto by_head = mixed.transpose(0, 1);
  at::bmm_out(by_head, sums.transpose(0, 1), up[1].transpose(1, 2));
  return mixed;
}

/// Expanded, over this batch's own latents or those that the cache has.
at::Tensor attend_expanded(const LatentAttention& w, const at::Tensor& x, const RopeTable& rope,
                           const AttentionMetadata& metadata, std::size_t layer) {
  const auto& packed = std::get<kernels::PackedAttention>(metadata.pattern);
  const auto queries = make_queries(w, x, rope);
  const auto latents = make_latents(w, x, rope);
  if (metadata.cache != nullptr)
    kernels::write_cache(metadata.cache->keys[layer],
                         at::cat({latents.latent.unsqueeze(1), latents.rope_key}, 2),
                         metadata.places);
  const auto known = packed.key_places
                         ? read_latents(w, metadata.cache->keys[layer], *packed.key_places)
                         : latents;
  return metadata.context != nullptr ? attend_context(w, queries, known, packed, *metadata.context)
                                     : attend_packed(w, queries, known, packed);
}

}  // namespace

at::Tensor latent_attention(const LatentAttention& weights, const at::Tensor& x,
                            const RopeTable& rope, const AttentionMetadata& metadata,
                            std::int64_t layer) {
  const bool expanded = std::holds_alternative<kernels::PackedAttention>(metadata.pattern);
  const auto attend = expanded ? attend_expanded : attend_paged;
  const auto mixed = attend(weights, x, rope, metadata, static_cast<std::size_t>(layer));
  return weights.output(mixed.reshape({x.size(0), -1}));
}

}  // namespace r1::nn
