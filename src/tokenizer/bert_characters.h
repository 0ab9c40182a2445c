#pragma once
// Classes of characters as BERT's tokenizer knows them: the tables of Unicode 8.0, which it has
// kept since, so that a later library's tables do not change a word's pieces. Reference: Hugging
// Face `tokenizers` 0.22 normalizers/bert.rs, pre_tokenizers/bert.rs (crate unicode_categories
// 0.1.1).
#include <cstdint>

namespace r1::tokenizer {

/// Cut off as a word of its own: ASCII symbols and Unicode punctuation.
bool is_bert_punctuation(std::uint32_t code_point);
/// Dropped from the text: control, format and private characters, U+0000, U+FFFD.
bool is_bert_control(std::uint32_t code_point);
/// Accents and other marks without width, dropped after canonical decomposition.
bool is_nonspacing_mark(std::uint32_t code_point);
/// Chinese characters are words of their own; Hangul, Hiragana and Katakana are not.
bool is_bert_cjk(std::uint32_t code_point);
/// White space as Unicode defines it.
bool is_white_space(std::uint32_t code_point);

}  // namespace r1::tokenizer
