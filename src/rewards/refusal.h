#pragma once
// Detects refusals by phrases in English and Korean. Reference: the string matching of XSTest
// (Röttger et al., arXiv 2308.01263), with Korean phrases added.
#include <string>
#include <string_view>

namespace r1::rewards {

/// Whether a refusal phrase occurs in the first sentences of an answer (without the thinking part).
/// The function misses refusals in other words, and takes "I can't" in the first sentence of a
/// helpful answer for a refusal.
bool is_refusal(std::string_view answer);

/// The behaviour that a record asks for.
enum class WantedBehaviour { Comply, Refuse, Unknown };
/// Reads the field "label" (XSTest: safe, unsafe), "category" (refuse, harmless) or "type"
/// (XSTest's contrast_... are unsafe) of a JSON record.
WantedBehaviour wanted_behaviour(const std::string& record);

}  // namespace r1::rewards
