#pragma once
// A fingerprint of a tokenizer's behaviour, which distinguishes tokenizers that produce different
// ids.
#include <string>

#include "tokenizer/definition.h"

namespace r1::tokenizer {

/// 16 hex digits (FNV-1a, 64 bits) over the tokens of all ids, merges, split patterns, normaliser
/// and added tokens. The fingerprint does not depend on the file format, the chat template, or
/// bos/eos/pad.
std::string fingerprint_of(const Definition& definition);

}  // namespace r1::tokenizer
