#pragma once
// Finds the answer in what a model wrote, by rules in a fixed order. Linear scans only: no regex
// that could backtrack.
#include <string>
#include <string_view>

namespace r1::rewards::maths {

/// What was found and by which rule: answer_tag, boxed, phrase, maths, whole, number, tuple,
/// letter; empty rule: no answer.
struct Candidate {
  std::string text;
  std::string rule;
  bool found() const { return !rule.empty(); }
};

/// From a completion: the thinking part is skipped (an unclosed one hides everything), then
/// <answer>…</answer>, "final answer" behind the last box, the last \boxed group ("\boxed{1} and
/// \boxed{2}" is one group; a box that is never closed is no answer), "final answer is" and kin in
/// English, Korean, Chinese, French and GSM8K's "####", the last maths environment, the text as a
/// whole, the last number.
Candidate extract_answer(std::string_view completion);
/// The first choice letter after an answer phrase, else the last one standing alone.
Candidate extract_letter(std::string_view completion);
/// The answer of a data set's field: behind "####", inside \boxed, else the field itself.
std::string extract_gold(std::string_view field);
/// Text behind the last </think> or </thinking>; `open`: a thinking part was never closed.
std::string_view after_thinking(std::string_view text, bool& open);

}  // namespace r1::rewards::maths
