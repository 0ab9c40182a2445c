#pragma once
// Finds the answer in a model's text by rules in a fixed order. All scans are linear; there are no
// regular expressions that could backtrack.
#include <string>
#include <string_view>

namespace r1::rewards::maths {

/// The found text, and the rule that found it: answer_tag, boxed, phrase, maths, whole, number,
/// tuple, letter. An empty rule means that there is no answer.
struct Candidate {
  std::string text;
  std::string rule;
  bool found() const { return !rule.empty(); }
};

/// Extracts the answer from a completion. The thinking part is skipped; an unclosed thinking part
/// leaves no answer. The rules are, in this order: <answer>…</answer>; "final answer" after the
/// last box; the last \boxed group ("\boxed{1} and \boxed{2}" is one group; an unclosed box is not
/// an answer); phrases such as "final answer is" in English, Korean, Chinese and French, and
/// GSM8K's "####"; the last maths environment; the whole text; the last number.
Candidate extract_answer(std::string_view completion);
/// The first choice letter after an answer phrase, else the last choice letter that stands alone.
Candidate extract_letter(std::string_view completion);
/// Extracts the answer from a field of a data set: the text after "####", the content of \boxed,
/// else the whole field.
std::string extract_gold(std::string_view field);
/// The text after the last </think> or </thinking>; `open`: a thinking part was never closed.
std::string_view after_thinking(std::string_view text, bool& open);

}  // namespace r1::rewards::maths
