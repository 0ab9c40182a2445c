#include "base/crc32c.h"

#include <nmmintrin.h>

#include <array>
#include <cstring>
#include <vector>

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

/// What a CRC becomes when `bytes` zeros follow: a linear function of its bits, here by its bytes.
class ZeroBytes {
 public:
  explicit ZeroBytes(std::size_t bytes) {
    const std::vector<unsigned char> zeros(bytes);
    for (int bit = 0; bit < 32; ++bit) {
      const auto image = crc_table(zeros.data(), bytes, std::uint32_t{1} << bit);
      for (std::uint32_t value = 0; value < 256; ++value)
        if (value >> (bit % 8) & 1) of_byte_[bit / 8][value] ^= image;
    }
  }
  std::uint32_t operator()(std::uint32_t crc) const {
    return of_byte_[0][crc & 0xff] ^ of_byte_[1][crc >> 8 & 0xff] ^ of_byte_[2][crc >> 16 & 0xff] ^
           of_byte_[3][crc >> 24];
  }

 private:
  std::array<std::array<std::uint32_t, 256>, 4> of_byte_{};
};

constexpr std::size_t kLane = 4096;

/// The instruction takes three cycles and starts in each: three lanes side by side, which are then
/// joined as if they had followed each other.
__attribute__((target("sse4.2"))) std::uint32_t crc_three_lanes(const unsigned char* data,
                                                                std::uint32_t crc) {
  static const ZeroBytes behind_one(kLane), behind_two(2 * kLane);
  std::array<std::uint64_t, 3> lanes{crc, 0, 0};
  for (std::size_t i = 0; i < kLane; i += 8)
    for (std::size_t lane = 0; lane < 3; ++lane) {
      std::uint64_t word;
      std::memcpy(&word, data + lane * kLane + i, 8);
      lanes[lane] = _mm_crc32_u64(lanes[lane], word);
    }
  return behind_two(static_cast<std::uint32_t>(lanes[0])) ^
         behind_one(static_cast<std::uint32_t>(lanes[1])) ^ static_cast<std::uint32_t>(lanes[2]);
}

__attribute__((target("sse4.2"))) std::uint32_t crc_sse42(const unsigned char* data,
                                                          std::size_t size, std::uint32_t crc) {
  for (; size >= 3 * kLane; data += 3 * kLane, size -= 3 * kLane) crc = crc_three_lanes(data, crc);
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
