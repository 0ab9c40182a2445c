#include "base/crc32c.h"

#include <nmmintrin.h>

#include <array>
#include <cstring>

namespace r1::base {
namespace {

constexpr std::array<std::uint32_t, 256> kTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? 0x82F63B78u : 0u);
    table[i] = value;
  }
  return table;
}();

std::uint32_t crc_table(const unsigned char* data, std::size_t size, std::uint32_t crc) {
  for (std::size_t i = 0; i < size; ++i) crc = (crc >> 8) ^ kTable[(crc ^ data[i]) & 0xff];
  return crc;
}

__attribute__((target("sse4.2"))) std::uint32_t crc_sse42(const unsigned char* data,
                                                          std::size_t size, std::uint32_t crc) {
  std::uint64_t wide = crc;
  for (; size >= 8; data += 8, size -= 8) {
    std::uint64_t word;
    std::memcpy(&word, data, 8);
    wide = _mm_crc32_u64(wide, word);
  }
  return crc_table(data, size, static_cast<std::uint32_t>(wide));
}

}  // namespace

std::uint32_t crc32c(const void* data, std::size_t size, std::uint32_t crc) {
  static const bool has_sse42 = __builtin_cpu_supports("sse4.2");
  const auto* bytes = static_cast<const unsigned char*>(data);
  return ~(has_sse42 ? crc_sse42(bytes, size, ~crc) : crc_table(bytes, size, ~crc));
}

}  // namespace r1::base
