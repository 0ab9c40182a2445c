#include "checkpoint/formats/ggml_types.h"

#include <array>
#include <bit>
#include <cstring>

#include "checkpoint/formats/half.h"

namespace r1::checkpoint {
namespace {

constexpr int kBlock = 32;    // values in a block of the simple types
constexpr int kSuper = 256;   // values in a super-block of the K types
constexpr int kKScales = 12;  // bytes of packed 6-bit scales and minima (Q4_K, Q5_K)

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}
float load_half(const std::byte* at) {
  return half_to_float(load<std::uint16_t>(at));
}
int load_byte(const std::byte* at) {
  return std::to_integer<int>(*at);
}

void decode_f32(const std::byte* block, float* out) {
  *out = load<float>(block);
}
void decode_f16(const std::byte* block, float* out) {
  *out = load_half(block);
}
void decode_bf16(const std::byte* block, float* out) {
  *out = bfloat16_to_float(load<std::uint16_t>(block));
}

void decode_q8_0(const std::byte* block, float* out) {
  const float scale = load_half(block);
  for (int i = 0; i < kBlock; ++i)
    out[i] = scale * static_cast<float>(load<std::int8_t>(block + 2 + i));
}

// The low nibbles are values 0..15 of the block, the high nibbles values 16..31.
void decode_q4_0(const std::byte* block, float* out) {
  const float scale = load_half(block);
  for (int i = 0; i < kBlock / 2; ++i) {
    const int packed = load_byte(block + 2 + i);
    out[i] = scale * static_cast<float>((packed & 15) - 8);
    out[i + kBlock / 2] = scale * static_cast<float>((packed >> 4) - 8);
  }
}

void decode_q4_1(const std::byte* block, float* out) {
  const float scale = load_half(block);
  const float minimum = load_half(block + 2);
  for (int i = 0; i < kBlock / 2; ++i) {
    const int packed = load_byte(block + 4 + i);
    out[i] = scale * static_cast<float>(packed & 15) + minimum;
    out[i + kBlock / 2] = scale * static_cast<float>(packed >> 4) + minimum;
  }
}

// Five-bit values: nibbles as in Q4, the fifth bits in one 32-bit word.
void decode_q5_0(const std::byte* block, float* out) {
  const float scale = load_half(block);
  const auto high = load<std::uint32_t>(block + 2);
  for (int i = 0; i < kBlock / 2; ++i) {
    const int packed = load_byte(block + 6 + i);
    const int first = (packed & 15) | static_cast<int>((high >> i) & 1) << 4;
    const int second = (packed >> 4) | static_cast<int>((high >> (i + kBlock / 2)) & 1) << 4;
    out[i] = scale * static_cast<float>(first - 16);
    out[i + kBlock / 2] = scale * static_cast<float>(second - 16);
  }
}

void decode_q5_1(const std::byte* block, float* out) {
  const float scale = load_half(block);
  const float minimum = load_half(block + 2);
  const auto high = load<std::uint32_t>(block + 4);
  for (int i = 0; i < kBlock / 2; ++i) {
    const int packed = load_byte(block + 8 + i);
    const int first = (packed & 15) | static_cast<int>((high >> i) & 1) << 4;
    const int second = (packed >> 4) | static_cast<int>((high >> (i + kBlock / 2)) & 1) << 4;
    out[i] = scale * static_cast<float>(first) + minimum;
    out[i + kBlock / 2] = scale * static_cast<float>(second) + minimum;
  }
}

struct ScaleAndMinimum {
  float scale;
  float minimum;
};

// Eight pairs of 6-bit numbers in 12 bytes: the first four in the low six bits of bytes 0-3 and
// 4-7, the others in the nibbles of bytes 8-11 with the upper bits of bytes 0-7.
ScaleAndMinimum unpack_k_scale(const std::byte* packed, int index) {
  if (index < 4)
    return {static_cast<float>(load_byte(packed + index) & 63),
            static_cast<float>(load_byte(packed + index + 4) & 63)};
  const int nibbles = load_byte(packed + index + 4);
  const int scale = (nibbles & 15) | (load_byte(packed + index - 4) >> 6) << 4;
  const int minimum = (nibbles >> 4) | (load_byte(packed + index) >> 6) << 4;
  return {static_cast<float>(scale), static_cast<float>(minimum)};
}

// Eight sub-blocks of 32; sub-blocks 2c and 2c+1 are the low and high nibbles of bytes 32c..32c+31.
// `high_bits` (Q5_K) holds bit s of sub-block s in each of its 32 bytes.
void decode_k_nibbles(const std::byte* block, const std::byte* high_bits, const std::byte* nibbles,
                      float* out) {
  const float scale = load_half(block);
  const float minimum = load_half(block + 2);
  for (int sub = 0; sub < kSuper / kBlock; ++sub) {
    const ScaleAndMinimum local = unpack_k_scale(block + 4, sub);
    const float d = scale * local.scale;
    const float m = minimum * local.minimum;
    for (int i = 0; i < kBlock; ++i) {
      const int packed = load_byte(nibbles + (sub / 2) * kBlock + i);
      int value = sub % 2 == 0 ? packed & 15 : packed >> 4;
      if (high_bits != nullptr) value |= ((load_byte(high_bits + i) >> sub) & 1) << 4;
      out[sub * kBlock + i] = d * static_cast<float>(value) - m;
    }
  }
}

void decode_q4_k(const std::byte* block, float* out) {
  decode_k_nibbles(block, nullptr, block + 4 + kKScales, out);
}
void decode_q5_k(const std::byte* block, float* out) {
  const std::byte* high_bits = block + 4 + kKScales;
  decode_k_nibbles(block, high_bits, high_bits + kBlock, out);
}

// Two halves of 128 values: 64 bytes of low nibbles, 32 bytes with two upper bits for four values
// each, and one signed scale for 16 values.
void decode_q6_k(const std::byte* block, float* out) {
  const std::byte* low = block;
  const std::byte* high = block + kSuper / 2;
  const std::byte* scales = high + kSuper / 4;
  const float d = load_half(scales + kSuper / 16);
  for (int i = 0; i < kSuper; ++i) {
    const int half = i / 128;
    const int quarter = (i % 128) / 32;
    const int lane = i % 32;
    const int nibbles = load_byte(low + half * 64 + (quarter % 2) * 32 + lane);
    const int four_bits = quarter < 2 ? nibbles & 15 : nibbles >> 4;
    const int two_bits = (load_byte(high + half * 32 + lane) >> (2 * quarter)) & 3;
    const float scale = d * static_cast<float>(load<std::int8_t>(scales + i / 16));
    out[i] = scale * static_cast<float>((four_bits | two_bits << 4) - 32);
  }
}

constexpr std::array kLayouts = {
    GgmlLayout{GgmlType::F32, "F32", 1, 4, decode_f32},
    GgmlLayout{GgmlType::F16, "F16", 1, 2, decode_f16},
    GgmlLayout{GgmlType::BF16, "BF16", 1, 2, decode_bf16},
    GgmlLayout{GgmlType::Q4_0, "Q4_0", kBlock, 18, decode_q4_0},
    GgmlLayout{GgmlType::Q4_1, "Q4_1", kBlock, 20, decode_q4_1},
    GgmlLayout{GgmlType::Q5_0, "Q5_0", kBlock, 22, decode_q5_0},
    GgmlLayout{GgmlType::Q5_1, "Q5_1", kBlock, 24, decode_q5_1},
    GgmlLayout{GgmlType::Q8_0, "Q8_0", kBlock, 34, decode_q8_0},
    GgmlLayout{GgmlType::Q4_K, "Q4_K", kSuper, 144, decode_q4_k},
    GgmlLayout{GgmlType::Q5_K, "Q5_K", kSuper, 176, decode_q5_k},
    GgmlLayout{GgmlType::Q6_K, "Q6_K", kSuper, 210, decode_q6_k},
    GgmlLayout{GgmlType::Q2_K, "Q2_K", kSuper, 84, nullptr},
    GgmlLayout{GgmlType::Q3_K, "Q3_K", kSuper, 110, nullptr},
    GgmlLayout{GgmlType::I8, "I8", 1, 1, nullptr},
    GgmlLayout{GgmlType::I16, "I16", 1, 2, nullptr},
    GgmlLayout{GgmlType::I32, "I32", 1, 4, nullptr},
    GgmlLayout{GgmlType::I64, "I64", 1, 8, nullptr},
    GgmlLayout{GgmlType::F64, "F64", 1, 8, nullptr},
};
static_assert(std::endian::native == std::endian::little, "the readers copy little-endian numbers");

}  // namespace

const GgmlLayout* find_ggml_layout(std::uint32_t type) {
  for (const GgmlLayout& layout : kLayouts)
    if (static_cast<std::uint32_t>(layout.type) == type) return &layout;
  return nullptr;
}

}  // namespace r1::checkpoint
