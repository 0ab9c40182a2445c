#include "kernels/packed_attention.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

namespace r1::kernels {
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
at::Tensor padded_to(const at::Tensor& x, std::int64_t width) {
  return x.size(2) == width ? x : at::constant_pad_nd(x, {0, width - x.size(2)});
}

/// [n, H, Dh] -> [1, H, n, Dh], what scaled_dot_product_attention takes.
at::Tensor heads_first(const at::Tensor& x) {
  return x.transpose(0, 1).unsqueeze(0);
}

/// Made for each call: kept masks of a long sequence would be larger than its activations.
at::Tensor mask_of(const AttentionRun& run, const at::TensorOptions& options) {
  if (run.mask.defined() || run.past == 0) return run.mask;
  return at::full({run.length, run.past + run.length}, -std::numeric_limits<double>::infinity(),
                  options)
      .triu_(run.past + 1);
}

at::Tensor selected(const at::Tensor& x, const at::Tensor& rows) {
  if (!rows.defined()) return x;
  // A row that several segments take has a gradient that is a sum over them: at least in fp32.
  const auto wide = at::promote_types(x.scalar_type(), at::kFloat);
  return x.to(wide).index_select(0, rows).to(x.scalar_type());
}

at::Tensor flash_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                           const VariableLengths& lengths, double scale) {
  constexpr std::int64_t kStep = 8;  // the kernel's widths are multiples of it
  const auto value_dim = value.size(2);
  const auto width = (std::max(key.size(2), value_dim) + kStep - 1) / kStep * kStep;
  const auto output = std::get<0>(at::_flash_attention_forward(
      padded_to(query, width), padded_to(key, width), padded_to(value, width), lengths.query_ends,
      lengths.key_ends, lengths.longest_query, lengths.longest_keys, /*dropout_p=*/0.0,
      /*is_causal=*/true,
      /*return_debug_mask=*/false, scale));
  return width == value_dim ? output : output.narrow(2, 0, value_dim);
}

}  // namespace

bool takes_variable_lengths(at::ScalarType dtype, at::Device device) {
  return device.is_cuda() && dtype == at::kBFloat16;
}

at::Tensor packed_attention(const at::Tensor& query, const at::Tensor& given_key,
                            const at::Tensor& given_value, const PackedAttention& packed,
                            double scale) {
  const auto key = selected(given_key, packed.key_rows);
  const auto value = selected(given_value, packed.key_rows);
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
  const auto queries = padded_to(query, width).split_with_sizes(lengths);
  const auto keys = padded_to(repeat_heads(key, num_heads), width).split_with_sizes(num_keys);
  const auto values = padded_to(repeat_heads(value, num_heads), width).split_with_sizes(num_keys);
  std::vector<at::Tensor> outputs;
  for (std::size_t i = 0; i < packed.runs.size(); ++i) {
    const auto mask = mask_of(packed.runs[i], query.options());
    const auto out = at::scaled_dot_product_attention(
        heads_first(queries[i]), heads_first(keys[i]), heads_first(values[i]),
        mask.defined() ? std::optional(mask) : std::nullopt, /*dropout_p=*/0.0,
        /*is_causal=*/!mask.defined(), scale);
    outputs.push_back(out.squeeze(0).transpose(0, 1));
  }
  const auto output = outputs.size() == 1 ? outputs[0] : at::cat(outputs, 0);
  return width == value_dim ? output : output.narrow(2, 0, value_dim);
}

}  // namespace r1::kernels
