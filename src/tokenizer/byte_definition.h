#pragma once
// A tokenizer that needs no file: one token per byte, and ChatML's control tokens. For toy models
// and tests.
#include "tokenizer/definition.h"

namespace r1::tokenizer {

/// Ids 0..255 are the bytes, 256 <|im_start|>, 257 <|im_end|> (ends a completion), 258
/// <|endoftext|>.
Definition byte_definition();
inline constexpr std::int64_t kByteVocabSize = 259;

}  // namespace r1::tokenizer
