#pragma once
// CRC32C (Castagnoli, RFC 3720 appendix B.4); uses SSE4.2 when the processor has it.
#include <cstddef>
#include <cstdint>

namespace r1::base {
/// Continues `crc` (0 at the start) over `size` bytes.
std::uint32_t crc32c(const void* data, std::size_t size, std::uint32_t crc = 0);
}  // namespace r1::base
