#pragma once
// Unicode text measures that rewards and filters share: words, scripts, repetition, normal forms.
// All functions take UTF-8; bytes that are not valid UTF-8 count as one unknown character each.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace r1::data {

/// The code point at `position`, which is moved behind it; -1 for an invalid byte (moves by one).
std::int32_t next_code_point(std::string_view text, std::size_t& position);
/// Byte offset of the first invalid UTF-8 sequence; npos: all valid.
std::size_t find_invalid_utf8(std::string_view text);

/// Pieces between white space (ASCII and Unicode), as Python's str.split().
std::vector<std::string> split_whitespace(std::string_view text);
/// As split_whitespace, but each Han, Hiragana or Katakana character is a word of its own.
std::vector<std::string> split_words(std::string_view text);
/// Pieces between occurrences of `separator`, empty ones kept, as Python's str.split(separator).
std::vector<std::string> split_at(std::string_view text, std::string_view separator);
std::string trim(std::string_view text);

/// NFKC, case-folded, every run of characters that are neither letters nor digits one space,
/// trimmed: the form in which duplicates are found.
std::string normalise_for_matching(std::string_view text);
/// Where a question stands in [0, 1): a hash of its normal form alone. Questions below a share are
/// held out, in every file, generator, stage and seed, so that none is trained on anywhere.
double held_out_place(std::string_view question);
/// Lower case of ASCII letters, the rest unchanged.
std::string lower_ascii(std::string_view text);

/// 1 - distinct / all n-grams of `words`; 0 when there are fewer than two n-grams.
double repeated_ngram_share(const std::vector<std::string>& words, int n);

enum class Script {
  None,
  Latin,
  Hangul,
  Han,
  Kana,
  Cyrillic,
  Greek,
  Arabic,
  Hebrew,
  Devanagari,
  Thai,
  Other
};
/// The script of a letter; None for digits, punctuation, symbols, white space.
Script script_of(std::int32_t code_point);
/// Text without fenced and inline code, $maths$, \(maths\), \[maths\] and tags in angle brackets.
std::string without_code_and_maths(std::string_view text);
/// Share of words written in the scripts of `language` ("en", "ko", "zh", "ja", "ru", "el", "ar",
/// "he", "hi", "th", or any other Latin language); words without letters do not count. 1 without
/// any word. Code and maths are left out. Reference: DeepSeek-R1, arXiv 2501.12948, section 2.3.2.
double language_share(std::string_view text, const std::string& language);
/// The language of that list whose script most words of `text` use; "en" without any word.
std::string dominant_language(std::string_view text);

}  // namespace r1::data
