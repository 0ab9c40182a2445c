#pragma once
// The language of a text, for checks that an answer is written in the language that was asked for.
#include <string>
#include <string_view>

namespace r1::data {

/// The ISO 639-1 code of the language that most of a text is written in; empty: the text has no
/// letters. The script decides where it has one language; frequent words and letters of their own
/// decide between the languages of a script:
///   Latin       en, es, pt, fr, de, it, pl, vi, sw, fi (a text that shows none of them: en)
///   Cyrillic    ru, uk, bg
///   Arabic      ar, fa, ur
///   Devanagari  hi, mr, ne
/// These are the languages of IFEval (arXiv 2311.07911). A text in another language of one of these
/// scripts is taken for the nearest of them.
std::string identify_language(std::string_view text);

}  // namespace r1::data
