#pragma once
// The letters of choices in a text, and which of them the words around take back.
#include <cstddef>
#include <string_view>
#include <vector>

namespace r1::rewards {

constexpr int kUsualChoices = 10;  // A..J
constexpr int kMostChoices = 26;

struct ChoiceLetter {
  char letter = '\0';
  std::size_t begin = 0, end = 0;  // bytes of the text
  bool denied = false;  // "not B", "B is wrong", "rule out B", "B?", "B가 아니다", "不是B"
  bool joined = false;  // goes on the letter before it: "A or B", "A, B", "A와 B"
};

/// The capital letters that stand alone, in order: next to any script but letters of the Latin one,
/// next to any sign. The article of "A cat" and the pronoun "I" are none. Full-width and circled
/// letters count.
std::vector<ChoiceLetter> choice_letters(std::string_view text, int num_choices = kUsualChoices);

/// The one letter that a text names: the only one that is not denied where it stands last; of
/// several that in front ("B. A cat"). '\0': none, or several.
char chosen_letter(std::string_view text, int num_choices = kUsualChoices);

}  // namespace r1::rewards
