#include "rewards/readable_text.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "data/text.h"

namespace r1::rewards {
namespace {

constexpr std::array<std::string_view, 60> kFunctionWords{
    "a",    "an",   "and",  "are",  "as",   "at",    "be",   "but",  "by",    "can",  "do",   "for",
    "from", "have", "here", "how",  "i",    "if",    "in",   "is",   "it",    "may",  "no",   "not",
    "of",   "on",   "or",   "so",   "some", "that",  "the",  "then", "there", "they", "this", "to",
    "use",  "was",  "we",   "what", "when", "which", "will", "with", "you",   "your", "la",   "le",
    "de",   "en",   "el",   "un",   "les",  "der",   "die",  "und",  "das",   "et",   "que",  "es"};

struct Characters {
  double letters = 0.0, broken = 0.0, all = 0.0;
  std::map<data::Script, double> scripts;
};

Characters count(std::string_view text) {
  Characters characters;
  for (std::size_t at = 0; at < text.size();) {
    const auto code_point = data::next_code_point(text, at);
    characters.all += 1.0;
    const bool control = code_point >= 0 && code_point < 0x20 && code_point != '\n' &&
                         code_point != '\t' && code_point != '\r';
    if (code_point < 0 || control || code_point == 0x7F || code_point == 0xFFFD) {
      characters.broken += 1.0;
      continue;
    }
    const auto script = data::script_of(code_point);
    if (script == data::Script::None) continue;
    characters.letters += 1.0;
    characters.scripts[script] += 1.0;
  }
  return characters;
}

bool is_number(const std::string& word) {
  return std::any_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// A Latin word has a vowel, no long run of consonants, and is of usual length.
bool looks_like_word(const std::string& word) {
  constexpr std::size_t kLongest = 24, kLongestRun = 4;
  if (is_number(word)) return true;
  std::size_t run = 0, vowels = 0, longest = 0;
  for (const char c : word) {
    const bool vowel = std::string_view("aeiouy").find(c) != std::string_view::npos;
    const bool ascii = static_cast<unsigned char>(c) < 0x80;
    vowels += vowel || !ascii ? 1 : 0;
    run = vowel || !ascii ? 0 : run + 1;
    longest = std::max(longest, run);
  }
  return word.size() <= kLongest && vowels > 0 && longest <= kLongestRun;
}

bool is_function_word(const std::string& word) {
  return std::find(kFunctionWords.begin(), kFunctionWords.end(), word) != kFunctionWords.end();
}

bool reads_as_latin(const std::vector<std::string>& words) {
  constexpr std::size_t kFew = 6;
  constexpr double kLeastFunctionWords = 0.08, kLeastWords = 0.7, kFormula = 0.25;
  double function = 0.0, usual = 0.0, numbers = 0.0;
  for (const auto& word : words) {
    const auto lower = data::lower_ascii(word);
    function += is_function_word(lower) ? 1.0 : 0.0;
    numbers += is_number(lower) ? 1.0 : 0.0;
    usual += looks_like_word(lower) ? 1.0 : 0.0;
  }
  const auto n = static_cast<double>(words.size());
  if (numbers >= kFormula * n) return true;
  if (words.size() < kFew) return usual == n;
  return usual >= kLeastWords * n && function >= kLeastFunctionWords * n;
}

}  // namespace

bool reads_as_language(std::string_view text) {
  constexpr double kMostBroken = 0.02, kLeastOneScript = 0.6, kMostRepetition = 0.5;
  constexpr int kNgram = 3;
  const auto words = data::split_words(text);
  if (words.empty()) return false;
  const Characters characters = count(text);
  if (characters.broken > kMostBroken * characters.all) return false;
  if (data::repeated_ngram_share(words, kNgram) > kMostRepetition) return false;
  if (characters.letters == 0.0) return true;  // a number
  const auto main =
      std::max_element(characters.scripts.begin(), characters.scripts.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  if (main->first == data::Script::Latin) return reads_as_latin(words);
  return main->second >= kLeastOneScript * characters.letters;
}

}  // namespace r1::rewards
