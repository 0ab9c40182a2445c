#pragma once
// Linear scans over a model's text: boxes, maths between dollars, numbers, choice letters.
#include <string>
#include <string_view>

namespace r1::rewards::maths {

bool is_digit(char c);
/// Whether c is a letter or digit; every byte of another script counts as a letter.
bool is_alnum(char c);

/// The content of the last \boxed group ("\boxed{1} and \boxed{2}" is one group, "1 , 2"). `found`
/// distinguishes an empty box from no box.
std::string last_box(std::string_view text, bool& found);
/// The end of the last closed box; 0 if there is no closed box.
std::size_t behind_last_box(std::string_view text);
/// Whether a box is never closed, because the answer was cut off.
bool has_open_box(std::string_view text);
/// A text found in prose, and whether the words around it deny it ("not 5", "5 or 6").
struct Found {
  std::string text;  // empty: none
  bool doubted = false;
};
/// The first or last piece (or list of pieces) between maths delimiters.
Found maths_environment(std::string_view text, bool last);
/// The first or last number of a text: digits with separators, a fraction (1/2 or \frac{1}{2}),
/// with a sign that is not a subtraction.
Found number_in(std::string_view text, bool last);
/// `value`, which ends at `end` in the text, with the known unit that follows at `end`.
std::string with_unit(std::string_view value, std::string_view text, std::size_t end);
/// The first or last choice letter A to J that stands alone; empty if the letters are alternatives
/// ("A or B") or denied ("not A").
std::string letter_in(std::string_view text, bool first);

}  // namespace r1::rewards::maths
