#include "jinja/text.h"

#include <utf8proc.h>

#include <algorithm>
#include <utility>

namespace r1::jinja {
namespace {

/// Code point and length in bytes of the first character.
std::pair<char32_t, std::size_t> decode(std::string_view text) {
  utf8proc_int32_t code = -1;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const auto size = static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text.size(), 4));
  const auto length = utf8proc_iterate(bytes, size, &code);
  if (length <= 0) return {0xFFFD, 1};
  return {static_cast<char32_t>(code), static_cast<std::size_t>(length)};
}

std::size_t last_character_size(std::string_view text) {
  for (std::size_t size = 1; size <= std::min<std::size_t>(text.size(), 4); ++size)
    if (const auto tail = text.substr(text.size() - size); decode(tail).second == size) return size;
  return 1;
}

template <class Change>
std::string changed(std::string_view text, Change change) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto [code, size] = decode(text.substr(at));
    const char32_t wanted = change(code);
    out += wanted == code ? std::string(text.substr(at, size)) : utf8(wanted);
    at += size;
  }
  return out;
}

char32_t upper(char32_t code) {
  return static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(code)));
}
char32_t lower(char32_t code) {
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code)));
}

}  // namespace

std::string_view first_character(std::string_view text) {
  return text.substr(0, decode(text).second);
}

char32_t code_point(std::string_view character) {
  return decode(character).first;
}

std::string utf8(char32_t code_point) {
  utf8proc_uint8_t bytes[4];
  const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes);
  return std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

std::size_t num_characters(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) at += decode(text.substr(at)).second;
  return count;
}

std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < text.size(); at += out.back().size())
    out.push_back(first_character(text.substr(at)));
  return out;
}

bool is_space(char32_t c) {
  return (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_blank(std::string_view text) {
  return strip(text, Side::Left).empty();
}

std::string_view strip(std::string_view text, Side side, std::optional<std::string_view> what) {
  const std::vector<std::string_view> set =
      what ? characters(*what) : std::vector<std::string_view>();
  const auto goes = [&](std::string_view character) {
    return what ? std::find(set.begin(), set.end(), character) != set.end()
                : is_space(code_point(character));
  };
  if (side != Side::Right)
    while (!text.empty() && goes(first_character(text)))
      text.remove_prefix(first_character(text).size());
  if (side != Side::Left)
    while (!text.empty()) {
      const std::size_t size = last_character_size(text);
      if (!goes(text.substr(text.size() - size))) break;
      text.remove_suffix(size);
    }
  return text;
}

std::string to_upper(std::string_view text) {
  return changed(text, upper);
}
std::string to_lower(std::string_view text) {
  return changed(text, lower);
}

std::string capitalized(std::string_view text) {
  bool first = true;
  return changed(text, [&first](char32_t code) {
    return std::exchange(first, false) ? upper(code) : lower(code);
  });
}

std::string titled(std::string_view text, bool (*is_break)(char32_t)) {
  bool begins = true;
  return changed(text, [&](char32_t code) {
    const char32_t wanted = begins ? upper(code) : lower(code);
    begins = is_break(code);
    return wanted;
  });
}

bool is_letter(char32_t character) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(character));
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

std::string replace(std::string_view text, std::string_view old, std::string_view with,
                    long long count) {
  std::string out;
  std::size_t from = 0;
  while (count != 0) {
    // An empty text is found between all characters, as in Python.
    const std::size_t at = old.empty() ? from : text.find(old, from);
    if (at == std::string_view::npos) break;
    out += text.substr(from, at - from);
    out += with;
    from = at + old.size();
    if (count > 0) --count;
    if (!old.empty()) continue;
    if (from >= text.size()) return out;
    const auto character = first_character(text.substr(from));
    out += character;
    from += character.size();
  }
  return out += text.substr(std::min(from, text.size()));
}

std::vector<std::string_view> lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> out;
  for (std::size_t from = 0; from < text.size();) {
    std::size_t end = std::min(text.find_first_of("\n\r\v\f\x1c\x1d\x1e", from), text.size());
    std::size_t next = std::min(end + 1, text.size());
    if (end + 1 < text.size() && text[end] == '\r' && text[end + 1] == '\n') ++next;
    out.push_back(text.substr(from, (keep_ends ? next : end) - from));
    from = next;
  }
  return out;
}

}  // namespace r1::jinja
