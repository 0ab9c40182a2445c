#pragma once
// Does a text decline what it was asked? By phrases, English and Korean.
// Reference: the string matching of XSTest (Röttger et al., arXiv 2308.01263), with Korean added.
#include <string>
#include <string_view>

namespace r1::rewards {

/// Whether a phrase of refusal stands in the first sentences of an answer (without its thinking
/// part). A refusal in other words is not seen, and "I can't" in a helpful first sentence is taken
/// for one.
bool is_refusal(std::string_view answer);

/// What a record says should be done: refuse, comply, or nothing.
enum class WantedBehaviour { Comply, Refuse, Unknown };
/// Reads "label" (XSTest: safe, unsafe), "category" (refuse, harmless) or "type" (XSTest's
/// contrast_... are unsafe) of a JSON record.
WantedBehaviour wanted_behaviour(const std::string& record);

}  // namespace r1::rewards
