#include "data/letters.h"

#include <utf8proc.h>

#include "data/text.h"
#include "tokenizer/utf8.h"

namespace r1::data {

bool is_word_character(std::int32_t code_point) {
  if (code_point < 0) return false;
  const auto category = utf8proc_category(code_point);
  const bool is_letter = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
  const bool is_number = category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
  return is_letter || is_number || code_point == '_';
}

LetterCase letter_case(std::int32_t code_point) {
  if (code_point < 0) return LetterCase::None;
  switch (utf8proc_category(code_point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT:
      return LetterCase::Upper;
    case UTF8PROC_CATEGORY_LL:
      return LetterCase::Lower;
    default:
      return LetterCase::None;
  }
}

std::string lower(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const std::int32_t c = next_code_point(text, at);
    if (c < 0)
      out.append(text.substr(begin, at - begin));
    else
      tokenizer::append_utf8(static_cast<std::uint32_t>(utf8proc_tolower(c)), out);
  }
  return out;
}

}  // namespace r1::data
