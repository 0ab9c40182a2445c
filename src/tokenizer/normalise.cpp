#include "tokenizer/normalise.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>

#include "base/errors.h"
#include "tokenizer/unicode_versions.h"
#include "tokenizer/utf8.h"

namespace r1::tokenizer {
namespace {

// Code points that are starters with the property NFC_Quick_Check = Yes: a text of these alone is
// normal. Latin, CJK ideographs and Hangul syllables cover nearly every text seen.
bool is_plainly_normal(std::uint32_t c) {
  return c < 0x300 || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7A3) ||
         (c >= 0x2010 && c <= 0x2027) || (c >= 0x3001 && c <= 0x3020);
}

bool needs_no_nfc(std::string_view text) {
  while (!text.empty()) {
    const Utf8Character character = next_character(text);
    if (!is_plainly_normal(character.code_point)) return false;
    text.remove_prefix(character.length);
  }
  return true;
}

void append_nfc(std::string_view text, std::string& out) {
  utf8proc_uint8_t* result = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &result,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(result, &std::free);
  if (length < 0)
    throw base::InputError(
        fmt::format("text cannot be normalised (NFC): {}", utf8proc_errmsg(length)));
  out.append(reinterpret_cast<const char*>(result), static_cast<std::size_t>(length));
}

}  // namespace

std::string_view normalise(Normaliser normaliser, std::string_view text, std::string& storage) {
  if (normaliser == Normaliser::None || needs_no_nfc(text)) return text;
  storage.clear();
  std::size_t begin = 0;  // of the part in which characters may combine
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Character character = next_character(text.substr(at));
    if (stands_alone(character.code_point)) {
      append_nfc(text.substr(begin, at - begin), storage);
      storage += text.substr(at, character.length);
      begin = at + character.length;
    }
    at += character.length;
  }
  append_nfc(text.substr(begin), storage);
  return storage;
}

}  // namespace r1::tokenizer
