#include "kernels/decode_attention.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "base/errors.h"
#include "kernels/cuda_library.h"

namespace r1::kernels {
namespace {

constexpr std::int64_t kWidestHead = 256, kMostHeads = 16;
constexpr std::int64_t kLatentKey = 576, kLatentValue = 512;  // of DeepSeek's models
// Blocks of threads that fill the GPUs of today (108 to 132 multiprocessors, 3 blocks each), and
// the most pieces of a context.
constexpr std::int64_t kWantedBlocks = 396, kMostPieces = 64;

/// Heads that a block of threads handles.
std::int64_t heads_of_block(std::int64_t heads, std::int64_t num_kv_heads) {
  return std::min(heads / num_kv_heads, kMostHeads);
}

/// Whether the cache has latents, whose first columns are the values, in a shape that the kernel
/// takes.
bool is_latent_cache(const at::Tensor& keys, const at::Tensor& values, std::int64_t group) {
  return keys.scalar_type() == at::kBFloat16 && keys.size(1) == 1 && keys.size(3) == kLatentKey &&
         values.size(3) == kLatentValue && values.const_data_ptr() == keys.const_data_ptr() &&
         (group <= kMostHeads || group % kMostHeads == 0);
}

}  // namespace

bool takes_decode_attention(const at::Tensor& key_cache, const at::Tensor& value_cache,
                            std::int64_t group) {
  if (cuda_kernels_for(key_cache) == nullptr || !is_packed(key_cache)) return false;
  if (value_cache.is_alias_of(key_cache)) return is_latent_cache(key_cache, value_cache, group);
  return is_packed(value_cache) && key_cache.sizes() == value_cache.sizes() &&
         key_cache.size(3) <= kWidestHead && key_cache.size(3) % 2 == 0 && group <= kMostHeads;
}

std::int64_t decode_attention_counters(std::int64_t rows, std::int64_t heads,
                                       std::int64_t num_kv_heads) {
  return rows * (heads / heads_of_block(heads, num_kv_heads));
}

at::Tensor decode_attention(const at::Tensor& given, const at::Tensor& key_cache,
                            const at::Tensor& value_cache, const at::Tensor& block_table,
                            const at::Tensor& context_lengths, const at::Tensor& counters,
                            double scale) {
  const auto query = packed(given);
  const auto rows = query.size(0), heads = query.size(1), dim = query.size(2),
             value_dim = value_cache.size(3), kv_heads = key_cache.size(1),
             pairs = decode_attention_counters(rows, heads, kv_heads),
             group = heads_of_block(heads, kv_heads);
  R1_CHECK(
      counters.numel() >= pairs && block_table.stride(1) == 1 && context_lengths.is_contiguous(),
      "decode attention of {} rows: {} counters", rows, counters.numel());
  const auto pieces = std::clamp((kWantedBlocks + pairs - 1) / std::max<std::int64_t>(1, pairs),
                                 std::int64_t{1}, kMostPieces);
  auto output = at::empty({rows, heads, value_dim}, query.options());
  const auto part = (group * (value_dim + 2) + 3) / 4 * 4;
  auto parts =
      at::empty({pieces > 1 ? pairs * pieces * part : 0}, query.options().dtype(at::kFloat));
  const auto& table = *cuda_kernels();
  table.decode_attention(
      cuda_type(query.scalar_type()),
      {query.const_data_ptr(), key_cache.const_data_ptr(), value_cache.const_data_ptr(),
       output.mutable_data_ptr(), block_table.const_data_ptr<std::int32_t>(),
       context_lengths.const_data_ptr<std::int32_t>(), parts.mutable_data_ptr<float>(),
       static_cast<std::int32_t*>(counters.data_ptr()), rows, heads, kv_heads, dim, value_dim,
       key_cache.size(2), block_table.stride(0), pieces, static_cast<float>(scale)},
      current_cuda_stream(query));
  check_launch(table, "decode_attention");
  return output;
}

}  // namespace r1::kernels
