#pragma once
// Words with which a model checks or corrects itself (R1's "aha moment", arXiv 2501.12948, 2.2.4).
// The share of such completions is logged and never rewarded.
#include <string_view>

namespace r1::rewards {

/// Whether a text contains such a word, in English (a whole word, any case) or Korean.
bool has_reflection(std::string_view text);

}  // namespace r1::rewards
