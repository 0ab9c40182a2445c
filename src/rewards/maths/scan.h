#pragma once
// Linear scans over what a model wrote: boxes, maths between dollars, numbers, choice letters.
#include <string>
#include <string_view>

namespace r1::rewards::maths {

bool is_digit(char c);
/// A letter or digit; every byte of another script counts as a letter.
bool is_alnum(char c);

/// The content of the last \boxed group ("\boxed{1} and \boxed{2}" is one group, "1 , 2"); `found`
/// tells an empty box from none.
std::string last_box(std::string_view text, bool& found);
/// The end of the last closed box, 0 without one.
std::size_t behind_last_box(std::string_view text);
/// Whether a box is never closed: an answer that was cut off.
bool has_open_box(std::string_view text);
/// What was found in prose and whether the words around it take it back ("not 5", "5 or 6").
struct Found {
  std::string text;  // empty: none
  bool doubted = false;
};
/// The first (or last) piece between maths delimiters, or list of pieces.
Found maths_environment(std::string_view text, bool last);
/// The first or last number of a text: digits with separators, a fraction (1/2 or \frac{1}{2}), a
/// sign that is no subtraction.
Found number_in(std::string_view text, bool last);
/// `value`, which ends at `end` of a text, with the known unit that follows it there.
std::string with_unit(std::string_view value, std::string_view text, std::size_t end);
/// The first or last choice letter A to J that stands alone; empty when the letters are
/// alternatives ("A or B") or denied ("not A").
std::string letter_in(std::string_view text, bool first);

}  // namespace r1::rewards::maths
