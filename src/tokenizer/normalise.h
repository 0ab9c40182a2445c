#pragma once
// Unicode normalisation of text before it is split.
#include <string>
#include <string_view>

#include "tokenizer/definition.h"

namespace r1::tokenizer {

/// `text` must be valid UTF-8. Returns `text` itself when it is normal already, else a view of
/// `storage`, which receives the result.
std::string_view normalise(Normaliser normaliser, std::string_view text, std::string& storage);

}  // namespace r1::tokenizer
