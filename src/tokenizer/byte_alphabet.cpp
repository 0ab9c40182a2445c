#include "tokenizer/byte_alphabet.h"

#include <array>
#include <cstdint>

#include "tokenizer/utf8.h"

namespace r1::tokenizer {
namespace {

constexpr std::uint32_t kFirstSubstitute =
    256;  // bytes without a printable form, in ascending order

constexpr bool is_printable(std::uint32_t byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr std::array<std::uint32_t, 256> make_code_points() {
  std::array<std::uint32_t, 256> code_points{};
  std::uint32_t substitute = kFirstSubstitute;
  for (std::uint32_t byte = 0; byte < 256; ++byte)
    code_points[byte] = is_printable(byte) ? byte : substitute++;
  return code_points;
}

constexpr std::array<std::uint32_t, 256> kCodePoints = make_code_points();
constexpr std::size_t kNumCodePoints = 256 + 68;  // 68 substitutes

constexpr std::array<std::int16_t, kNumCodePoints> make_bytes() {
  std::array<std::int16_t, kNumCodePoints> bytes{};
  for (auto& byte : bytes) byte = -1;
  for (std::size_t byte = 0; byte < 256; ++byte)
    bytes[kCodePoints[byte]] = static_cast<std::int16_t>(byte);
  return bytes;
}

constexpr std::array<std::int16_t, kNumCodePoints> kBytes = make_bytes();

}  // namespace

std::string byte_spelling(unsigned char byte) {
  std::string text;
  append_utf8(kCodePoints[byte], text);
  return text;
}

std::optional<std::string> spelled_bytes(std::string_view token) {
  std::string bytes;
  while (!token.empty()) {
    const Utf8Character character = next_character(token);
    if (character.status != Utf8Status::Complete || character.code_point >= kNumCodePoints ||
        kBytes[character.code_point] < 0)
      return std::nullopt;
    bytes.push_back(static_cast<char>(kBytes[character.code_point]));
    token.remove_prefix(character.length);
  }
  return bytes;
}

}  // namespace r1::tokenizer
