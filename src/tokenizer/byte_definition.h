#pragma once
// A built-in tokenizer without files, for toy models and tests: one token per byte, and ChatML's
// control tokens.
#include "tokenizer/definition.h"

namespace r1::tokenizer {

/// Ids 0..255 are the bytes, 256 is <|im_start|>, 257 is <|im_end|> (ends a completion), 258 is
/// <|endoftext|>.
Definition byte_definition();
inline constexpr std::int64_t kByteVocabSize = 259;

}  // namespace r1::tokenizer
