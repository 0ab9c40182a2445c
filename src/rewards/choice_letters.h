#pragma once
// Finds the letters of multiple-choice answers in a text, and decides which letters the surrounding
// words deny.
#include <cstddef>
#include <string_view>
#include <vector>

namespace r1::rewards {

constexpr int kUsualChoices = 10;  // A..J
constexpr int kMostChoices = 26;

struct ChoiceLetter {
  char letter = '\0';
  std::size_t begin = 0, end = 0;  // bytes of the text
  // Whether the words around the letter deny it: "not B", "B is wrong", "rule out B", "B?", "B가
  // 아니다", "不是B".
  bool denied = false;
  // Whether the letter continues a list with the letter before: "A or B", "A, B", "A와 B".
  bool joined = false;
};

/// Returns the capital letters that stand alone, in order: no Latin letter or digit may be
/// adjacent, but signs and letters of other scripts may. The article in "A cat" and the pronoun "I"
/// do not count. Full-width and circled letters count.
std::vector<ChoiceLetter> choice_letters(std::string_view text, int num_choices = kUsualChoices);

/// Returns the one letter that a text chooses: the only letter whose last occurrence is not denied.
/// If there are several such letters, the letter at the start of the text is chosen if a sign such
/// as "." follows it ("B. A cat"). '\0': no letter, or several.
char chosen_letter(std::string_view text, int num_choices = kUsualChoices);

}  // namespace r1::rewards
