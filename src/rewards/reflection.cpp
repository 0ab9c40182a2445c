#include "rewards/reflection.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace r1::rewards {
namespace {

constexpr std::array<std::string_view, 12> kEnglish{
    "wait",   "mistake", "however", "retry",       "recheck",    "re-check",
    "verify", "check",   "rethink", "re-evaluate", "reconsider", "mistaken"};
constexpr std::array<std::string_view, 6> kKorean{"잠깐", "다시", "하지만", "실수", "검산", "확인"};

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

}  // namespace

bool has_reflection(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return std::any_of(kEnglish.begin(), kEnglish.end(),
                     [&](std::string_view word) { return has_word(lower, word); }) ||
         std::any_of(kKorean.begin(), kKorean.end(), [&](std::string_view word) {
           return text.find(word) != std::string_view::npos;
         });
}

}  // namespace r1::rewards
