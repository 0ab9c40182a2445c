#include "rewards/instructions/prose.h"

#include <algorithm>
#include <array>

#include "data/letters.h"
#include "data/text.h"

namespace r1::rewards::instructions {
namespace {

constexpr auto kNone = std::string_view::npos;

bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/// Whether the word in front of a full stop is one that does not end a sentence.
bool is_abbreviation(std::string_view word) {
  constexpr std::array kKnown{
      std::string_view("mr"),    std::string_view("mrs"),  std::string_view("ms"),
      std::string_view("dr"),    std::string_view("prof"), std::string_view("st"),
      std::string_view("jr"),    std::string_view("sr"),   std::string_view("vs"),
      std::string_view("etc"),   std::string_view("inc"),  std::string_view("ltd"),
      std::string_view("co"),    std::string_view("corp"), std::string_view("e.g"),
      std::string_view("i.e"),   std::string_view("capt"), std::string_view("gen"),
      std::string_view("col"),   std::string_view("lt"),   std::string_view("rev"),
      std::string_view("gov"),   std::string_view("sen"),  std::string_view("rep"),
      std::string_view("no"),    std::string_view("vol"),  std::string_view("fig"),
      std::string_view("approx")};
  const std::string plain = data::lower_ascii(word);
  if (std::find(kKnown.begin(), kKnown.end(), plain) != kKnown.end()) return true;
  const bool is_number = !plain.empty() && std::all_of(plain.begin(), plain.end(),
                                                       [](char c) { return c >= '0' && c <= '9'; });
  return is_number || (word.size() == 1 && word[0] >= 'A' && word[0] <= 'Z' && word[0] != 'I');
}

/// Whether the full stop at `at` belongs to its word: "Dr. Lee", "J. Smith", "1. First".
bool belongs_to_word(std::string_view text, std::size_t at) {
  std::size_t begin = at;
  while (begin > 0 && !is_blank(text[begin - 1])) --begin;
  std::string_view word = text.substr(begin, at - begin);
  while (!word.empty() && (word[0] == '(' || word[0] == '"' || word[0] == '*'))
    word.remove_prefix(1);
  if (!is_abbreviation(word)) return false;
  // The number of a list stands at the beginning of its line; "in 2020." ends a sentence.
  const bool is_number = word[0] >= '0' && word[0] <= '9';
  return !is_number || begin == 0 || text[begin - 1] == '\n';
}

/// Where the sentence that ends with the sign at `at` goes on being closed: behind more signs,
/// quotes and brackets.
std::size_t behind_end(std::string_view text, std::size_t at) {
  for (bool more = true; more;) {
    more = false;
    for (const std::string_view sign :
         {".", "!", "?", "\"", "'", ")", "]", "*", "_", "”", "’", "»", "…"})
      if (text.substr(at, sign.size()) == sign) {
        at += sign.size();
        more = true;
      }
  }
  return at;
}

/// Length of the sign that may end a sentence here; 0: none. `anywhere`: no white space must
/// follow.
std::size_t end_sign(std::string_view text, std::size_t at, bool& anywhere) {
  anywhere = false;
  if (text[at] == '.' || text[at] == '!' || text[at] == '?') return 1;
  for (const std::string_view sign : {"。", "！", "？"})
    if (text.substr(at, sign.size()) == sign) {
      anywhere = true;
      return sign.size();
    }
  for (const std::string_view sign : {"।", "؟", "۔"})
    if (text.substr(at, sign.size()) == sign) return sign.size();
  return 0;
}

/// Whether a sentence can begin at the first text behind `at`.
bool begins_sentence(std::string_view text, std::size_t at) {
  while (at < text.size() && is_blank(text[at])) ++at;
  if (at >= text.size()) return true;
  const std::int32_t c = data::next_code_point(text, at);
  return data::letter_case(c) != data::LetterCase::Lower;
}

bool has_text(std::string_view text) {
  for (std::size_t at = 0; at < text.size();)
    if (data::is_word_character(data::next_code_point(text, at))) return true;
  return false;
}

/// What the Treebank's tokenizer cuts from a word: "I'M" is "I" and "'M".
std::size_t clitic(std::string_view word) {
  const std::string plain = data::lower_ascii(word);
  for (const std::string_view ending : {"n't", "'s", "'m", "'d", "'ll", "'re", "'ve"})
    if (plain.size() > ending.size() && plain.ends_with(ending)) return ending.size();
  return 0;
}

std::int64_t capital_words_of(std::string_view word) {
  const std::size_t cut = clitic(word);
  if (cut == 0) return is_upper(word) ? 1 : 0;
  return (is_upper(word.substr(0, word.size() - cut)) ? 1 : 0) +
         (is_upper(word.substr(word.size() - cut)) ? 1 : 0);
}

bool has_only_case(std::string_view text, data::LetterCase wanted) {
  bool found = false;
  for (std::size_t at = 0; at < text.size();) {
    const data::LetterCase is = data::letter_case(data::next_code_point(text, at));
    if (is == data::LetterCase::None) continue;
    if (is != wanted) return false;
    found = true;
  }
  return found;
}

}  // namespace

std::int64_t num_sentences(std::string_view text) {
  std::int64_t sentences = 0;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    bool anywhere = false;
    const std::size_t sign = end_sign(text, at, anywhere);
    if (sign == 0) {
      ++at;
      continue;
    }
    const bool ends_word = text[at] == '.' && belongs_to_word(text, at);
    const std::size_t end = behind_end(text, at + sign);
    const bool followed = anywhere || end >= text.size() || is_blank(text[end]);
    at = end;
    if (ends_word || !followed || !begins_sentence(text, end)) continue;
    if (has_text(text.substr(begin, end - begin))) ++sentences;
    begin = end;
  }
  return sentences + (has_text(text.substr(begin)) ? 1 : 0);
}

std::int64_t num_words(std::string_view text) {
  std::int64_t words = 0;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    const bool is_word = data::is_word_character(data::next_code_point(text, at));
    if (is_word && !inside) ++words;
    inside = is_word;
  }
  return words;
}

std::int64_t num_capital_words(std::string_view text) {
  std::string separated;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool splits = std::string_view(";@#$%&[](){}<>,:?!\"`").find(text[at]) != kNone ||
                        text.substr(at, 2) == "--" || (at > 0 && text.substr(at - 1, 2) == "--");
    separated += splits ? ' ' : text[at];
  }
  std::int64_t words = 0;
  for (const std::string& word : data::split_whitespace(separated)) words += capital_words_of(word);
  return words;
}

bool is_upper(std::string_view text) {
  return has_only_case(text, data::LetterCase::Upper);
}

bool is_lower(std::string_view text) {
  return has_only_case(text, data::LetterCase::Lower);
}

}  // namespace r1::rewards::instructions
