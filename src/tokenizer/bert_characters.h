#pragma once
// Character classes of BERT's tokenizer. The classes are fixed at Unicode 8.0, as in Hugging Face's
// implementation, so that a newer Unicode library does not change the tokens of a word. Reference:
// Hugging Face `tokenizers` 0.22 normalizers/bert.rs, pre_tokenizers/bert.rs (crate
// unicode_categories 0.1.1).
#include <cstdint>

namespace r1::tokenizer {

/// Split off as a separate word: ASCII symbols and Unicode punctuation.
bool is_bert_punctuation(std::uint32_t code_point);
/// Removed from the text: control, format and private-use characters, U+0000, U+FFFD.
bool is_bert_control(std::uint32_t code_point);
/// Accents and other non-spacing marks, removed after canonical decomposition.
bool is_nonspacing_mark(std::uint32_t code_point);
/// Each Chinese character is a separate word; Hangul, Hiragana and Katakana are not.
bool is_bert_cjk(std::uint32_t code_point);
/// White space according to Unicode.
bool is_white_space(std::uint32_t code_point);

}  // namespace r1::tokenizer
