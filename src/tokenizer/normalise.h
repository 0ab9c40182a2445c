#pragma once
// Unicode normalisation of text before the text is split.
#include <string>
#include <string_view>

#include "tokenizer/definition.h"

namespace r1::tokenizer {

/// `text` must be valid UTF-8. Returns `text` if it is already normalised, else a view of
/// `storage`, which receives the result.
std::string_view normalise(Normaliser normaliser, std::string_view text, std::string& storage);

}  // namespace r1::tokenizer
