#pragma once
// Counts of sentences and words in prose, as the checks of verifiable instructions need them.
#include <cstdint>
#include <string>
#include <string_view>

namespace r1::rewards::instructions {

/// Sentences: pieces that end with '.', '!' or '?' (closing quotes and brackets included) before
/// white space and a beginning other than a small letter, or at the end of the text. The full stop
/// of a known abbreviation ("Dr.", "e.g."), of an initial or of a list's number ends none; the full
/// stops of Chinese and Japanese end one anywhere. Near to what NLTK's English Punkt model, which
/// IFEval uses, finds; not equal to it.
std::int64_t num_sentences(std::string_view text);

/// Runs of letters, numbers and '_'.
std::int64_t num_words(std::string_view text);

/// Words all of whose cased letters are capitals, "I" and "A" included; a clitic ("I'M") is a word
/// of its own, as in the Penn Treebank.
std::int64_t num_capital_words(std::string_view text);

/// Python's isupper and islower: no letter of the other case, and at least one of this.
bool is_upper(std::string_view text);
bool is_lower(std::string_view text);

}  // namespace r1::rewards::instructions
