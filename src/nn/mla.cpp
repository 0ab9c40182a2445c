#include "nn/mla.h"

#include <ATen/ATen.h>

#include "kernels/add_rms_norm.h"
#include "nn/attention.h"

namespace r1::nn {
namespace {

constexpr double kNormEpsilon = 1e-6;  // of the inner norms, whatever the model's rms_norm_eps

at::Tensor normed(const at::Tensor& x, const at::Tensor& weight) {
  return kernels::add_rms_norm(x, {}, weight, kNormEpsilon).second;
}

struct Queries {
  at::Tensor nope;  // [T, H, N]
  at::Tensor rope;  // [T, H, P], rotated
};

Queries make_queries(const LatentAttention& w, const at::Tensor& x, const RopeTable& rope) {
  const auto compressed = w.query_down.weight.defined() ? normed(w.query_down(x), w.query_norm) : x;
  const auto parts = at::linear(compressed, w.query_up)
                         .view({x.size(0), w.dims.num_heads, w.dims.nope + w.dims.rope})
                         .split_with_sizes({w.dims.nope, w.dims.rope}, 2);
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
at::Tensor attend_paged(const LatentAttention& w, const Queries& queries, const KvCache& cache,
                        std::size_t layer, const kernels::PagedAttention& paged) {
  const auto up = w.latent_up.view({w.dims.num_heads, -1, w.dims.latent})
                      .split_with_sizes({w.dims.nope, w.dims.value}, 1);
  const auto latent_query = at::bmm(queries.nope.transpose(0, 1), up[0]).transpose(0, 1);
  const auto sums =
      kernels::paged_attention(at::cat({latent_query, queries.rope}, 2), cache.keys[layer],
                               cache.values[layer], paged, w.scale);  // [T, H, R]
  return at::bmm(sums.transpose(0, 1), up[1].transpose(1, 2)).transpose(0, 1);
}

}  // namespace

at::Tensor latent_attention(const LatentAttention& weights, const at::Tensor& x,
                            const RopeTable& rope, const AttentionMetadata& metadata,
                            std::int64_t layer) {
  const auto index = static_cast<std::size_t>(layer);
  const auto queries = make_queries(weights, x, rope);
  const auto latents = make_latents(weights, x, rope);
  if (metadata.cache != nullptr)
    kernels::write_cache(metadata.cache->keys[index],
                         at::cat({latents.latent.unsqueeze(1), latents.rope_key}, 2),
                         metadata.places);
  const auto* packed = std::get_if<kernels::PackedAttention>(&metadata.pattern);
  const bool reads_cache = packed != nullptr && packed->key_places;
  const auto known = reads_cache
                         ? read_latents(weights, metadata.cache->keys[index], *packed->key_places)
                         : latents;
  at::Tensor mixed;
  if (packed == nullptr)
    mixed = attend_paged(weights, queries, *metadata.cache, index,
                         std::get<kernels::PagedAttention>(metadata.pattern));
  else if (metadata.context != nullptr)
    mixed = attend_context(weights, queries, known, *packed, *metadata.context);
  else
    mixed = attend_packed(weights, queries, known, *packed);
  return weights.output(mixed.reshape({x.size(0), -1}));
}

}  // namespace r1::nn
