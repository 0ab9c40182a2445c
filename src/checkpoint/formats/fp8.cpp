#include "checkpoint/formats/fp8.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "base/errors.h"

namespace r1::checkpoint {
namespace {

constexpr float decode(std::uint32_t bits) {
  const std::uint32_t sign = (bits & 0x80u) << 24;
  const std::uint32_t exponent = (bits >> 3) & 15u;
  const std::uint32_t fraction = bits & 7u;
  if (exponent == 15 && fraction == 7) return std::numeric_limits<float>::quiet_NaN();
  if (exponent == 0) {  // zero or subnormal: fraction * 2^-9
    const float magnitude = static_cast<float>(fraction) * 0x1p-9f;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
  }
  return std::bit_cast<float>(sign | (exponent + 120u) << 23 | fraction << 20);
}

constexpr std::array<float, 256> make_table() {
  std::array<float, 256> table{};
  for (std::uint32_t bits = 0; bits < 256; ++bits) table[bits] = decode(bits);
  return table;
}

constexpr std::array<float, 256> kValues = make_table();

}  // namespace

float fp8_e4m3_to_float(std::uint8_t bits) {
  return kValues[bits];
}

void dequantise_fp8(const Fp8Blocks& blocks, std::span<const std::byte> values,
                    std::span<const float> scales, std::span<float> out) {
  const auto count = static_cast<std::size_t>(blocks.rows * blocks.columns);
  R1_CHECK(values.size() == count && out.size() == count, "{} fp8 values, {} floats, expected {}",
           values.size(), out.size(), count);
  R1_CHECK(scales.size() == static_cast<std::size_t>(blocks.scale_rows() * blocks.scale_columns()),
           "{} scales", scales.size());
  for (std::int64_t row = 0; row < blocks.rows; ++row) {
    const float* row_scales = scales.data() + row / blocks.block_rows * blocks.scale_columns();
    const std::byte* source = values.data() + row * blocks.columns;
    float* target = out.data() + row * blocks.columns;
    for (std::int64_t begin = 0; begin < blocks.columns; begin += blocks.block_columns) {
      const float scale = row_scales[begin / blocks.block_columns];
      const std::int64_t end = std::min(begin + blocks.block_columns, blocks.columns);
      for (std::int64_t column = begin; column < end; ++column)
        target[column] = kValues[std::to_integer<std::size_t>(source[column])] * scale;
    }
  }
}

}  // namespace r1::checkpoint
