#pragma once
// fp8 weights as DeepSeek-V3's files hold them: E4M3 values with one scale for each block.
// Reference: arXiv 2412.19437, section 3.3; inference/kernel.py (weight_dequant) of DeepSeek-V3.
#include <cstddef>
#include <cstdint>
#include <span>

namespace r1::checkpoint {

/// F8_E4M3 (1 sign, 4 exponent, 3 fraction bits, bias 7) without infinities; 0x7F and 0xFF are NaN.
float fp8_e4m3_to_float(std::uint8_t bits);

/// A matrix [rows, columns] in blocks of [block_rows, block_columns]; those at the right and lower
/// edge may be cut off. All numbers are positive.
struct Fp8Blocks {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t block_rows;
  std::int64_t block_columns;

  std::int64_t scale_rows() const { return (rows + block_rows - 1) / block_rows; }
  std::int64_t scale_columns() const { return (columns + block_columns - 1) / block_columns; }
};

/// out[r, c] = value[r, c] * scale of its block, in fp32. `values` and `out` have rows x columns
/// entries, `scales` scale_rows() x scale_columns(), all row-major.
void dequantise_fp8(const Fp8Blocks& blocks, std::span<const std::byte> values,
                    std::span<const float> scales, std::span<float> out);

}  // namespace r1::checkpoint
