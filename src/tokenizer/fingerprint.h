#pragma once
// A short name of what a tokenizer does, to tell equal tokenizers from different ones.
#include <string>

#include "tokenizer/definition.h"

namespace r1::tokenizer {

/// 16 hex digits (FNV-1a, 64 bits) over ids' tokens, merges, splitting, normaliser and added
/// tokens. Does not depend on the file format, chat template or bos/eos/pad.
std::string fingerprint_of(const Definition& definition);

}  // namespace r1::tokenizer
