#pragma once
// Words by which a model checks or corrects itself (R1's "aha moment", arXiv 2501.12948, 2.2.4):
// logged, never rewarded.
#include <string_view>

namespace r1::rewards {

/// Whether a text holds one, in English (as a whole word, any case) or Korean.
bool has_reflection(std::string_view text);

}  // namespace r1::rewards
