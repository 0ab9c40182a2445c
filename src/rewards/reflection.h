#pragma once
// Words with which a model checks its own result (self-verification) or changes its course
// (reflection, R1's "aha moment", arXiv 2501.12948, 2.2.4). The shares of such completions are
// logged and never rewarded.
#include <string_view>

namespace r1::rewards {

/// Whether a text contains a word of a check of an own result ("verify", "검산"), in English (a
/// whole word, any case) or Korean.
bool has_self_verification(std::string_view text);
/// Whether a text contains a word of a change of course ("wait", "mistake", "잠깐").
bool has_reflection(std::string_view text);

}  // namespace r1::rewards
