#include "rewards/reflection.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>
#include <string>

namespace r1::rewards {
namespace {

using Words = std::span<const std::string_view>;

constexpr std::array<std::string_view, 10> kChecks{
    "verify",  "verifying", "verified", "check",        "checking",
    "recheck", "re-check",  "confirm",  "double-check", "validate"};
constexpr std::array<std::string_view, 3> kKoreanChecks{"검산", "확인", "검증"};
constexpr std::array<std::string_view, 12> kTurns{
    "wait",     "mistake",  "mistaken",    "however",    "retry",         "rethink",
    "re-think", "actually", "re-evaluate", "reconsider", "alternatively", "hmm"};
constexpr std::array<std::string_view, 5> kKoreanTurns{"잠깐", "다시", "하지만", "실수", "아니"};

bool is_letter(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0;
}

bool has_word(std::string_view text, std::string_view word) {
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const auto end = at + word.size();
    if ((at == 0 || !is_letter(text[at - 1])) && (end == text.size() || !is_letter(text[end])))
      return true;
  }
  return false;
}

bool has_any(std::string_view text, Words english, Words korean) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return std::any_of(english.begin(), english.end(),
                     [&](std::string_view word) { return has_word(lower, word); }) ||
         std::any_of(korean.begin(), korean.end(), [&](std::string_view word) {
           return text.find(word) != std::string_view::npos;
         });
}

}  // namespace

bool has_self_verification(std::string_view text) {
  return has_any(text, kChecks, kKoreanChecks);
}

bool has_reflection(std::string_view text) {
  return has_any(text, kTurns, kKoreanTurns);
}

}  // namespace r1::rewards
