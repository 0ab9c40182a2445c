#pragma once
// The tensor types of GGUF files: their block layouts, and their values as fp32.
// Reference: ggml's ggml-common.h (block_q4_1, block_q4_K, ...) and ggml-quants.c.
#include <cstddef>
#include <cstdint>
#include <span>

namespace r1::checkpoint {

enum class GgmlType : std::uint32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q5_0 = 6,
  Q5_1 = 7,
  Q8_0 = 8,
  Q2_K = 10,
  Q3_K = 11,
  Q4_K = 12,
  Q5_K = 13,
  Q6_K = 14,
  I8 = 24,
  I16 = 25,
  I32 = 26,
  I64 = 27,
  F64 = 28,
  BF16 = 30,
};

/// `block_elements` values are stored together in `block_bytes` bytes.
struct GgmlLayout {
  GgmlType type;
  const char* name;
  std::int64_t block_elements;
  std::int64_t block_bytes;
  /// Decodes one block into `block_elements` floats; null: this program does not read the type.
  void (*decode)(const std::byte* block, float* out);
};

/// The layout of a type id of a file; null: unknown.
const GgmlLayout* find_ggml_layout(std::uint32_t type);

}  // namespace r1::checkpoint
