#pragma once
// Whether a text reads as a language at all. A model with random weights writes bytes, letters and
// repetitions: such a text neither refuses a request nor answers it.
#include <string_view>

namespace r1::rewards {

/// A measure by rule: few control and replacement characters, words of usual length, function words
/// or numbers in a longer Latin text, one script, little repetition. A text of a few words passes
/// when each looks like a word or a number.
bool reads_as_language(std::string_view text);

}  // namespace r1::rewards
