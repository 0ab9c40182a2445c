#include "rewards/choice_letters.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <span>
#include <string>

#include "data/text.h"

namespace r1::rewards {
namespace {

constexpr auto kNone = std::string_view::npos;
using Words = std::vector<std::string>;

bool is_small(char c) {
  return c >= 'a' && c <= 'z';
}

bool is_apostrophe(std::int32_t c) {
  return c == '\'' || c == 0x2019;
}

/// Whether the character joins a letter beside it to a word.
bool joins_word(std::int32_t c) {
  return (c >= '0' && c <= '9') || (c >= 0 && data::script_of(c) == data::Script::Latin);
}

std::int32_t code_point_before(std::string_view text, std::size_t at) {
  while (at > 0 && (static_cast<unsigned char>(text[at - 1]) & 0xC0) == 0x80) --at;
  if (at == 0) return ' ';
  --at;
  return data::next_code_point(text, at);
}

std::int32_t code_point_at(std::string_view text, std::size_t at) {
  return at < text.size() ? data::next_code_point(text, at) : ' ';
}

/// Whether a word of the Latin script goes on before `begin` or behind `end`: "AB", "B's", "O'B".
bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  const auto quote = [](std::int32_t c) { return is_apostrophe(c) ? 1 : 0; };
  const std::int32_t left = code_point_before(text, begin);
  const std::int32_t right = code_point_at(text, end);
  if (joins_word(left) || joins_word(right)) return false;
  const std::size_t width = right == 0x2019 ? 3 : 1;
  if (quote(right) != 0 && joins_word(code_point_at(text, end + width))) return false;
  const std::size_t back = left == 0x2019 ? 3 : 1;
  return quote(left) == 0 || begin < back || !joins_word(code_point_before(text, begin - back));
}

/// "A nice problem", not "A is right"; "I think".
bool is_word_of_language(std::string_view text, char letter, std::size_t end) {
  static constexpr std::string_view kOfChoices[]{
      "is",   "was",   "and",  "or",     "because", "since", "as",   "isn",
      "but",  "not",   "can",  "cannot", "would",   "could", "must", "should",
      "does", "doesn", "fits", "seems",  "looks",   "nor"};
  if (end + 1 >= text.size() || text[end] != ' ') return false;
  if (letter == 'I') return true;
  if (letter != 'A' || !is_small(text[end + 1])) return false;
  std::size_t word = end + 1;
  while (word < text.size() && is_small(text[word])) ++word;
  const auto next = text.substr(end + 1, word - end - 1);
  return std::find(std::begin(kOfChoices), std::end(kOfChoices), next) == std::end(kOfChoices);
}

/// 'A'.. of an ASCII, full-width or circled capital; '\0': another character.
char capital(std::int32_t c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c);
  if (c >= 0xFF21 && c <= 0xFF3A) return static_cast<char>('A' + (c - 0xFF21));
  if (c >= 0x24B6 && c <= 0x24CF) return static_cast<char>('A' + (c - 0x24B6));
  return '\0';
}

/// Latin words in small letters, "isn't" as one.
Words words_of(std::string_view text) {
  Words words;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::int32_t c = data::next_code_point(text, at);
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter && !inside) words.emplace_back();
    if (letter) words.back() += static_cast<char>(c | 0x20);
    if (inside && is_apostrophe(c)) words.back() += '\'';
    inside = letter || (inside && is_apostrophe(c));
    if (!inside && is_apostrophe(c)) {  // the "n't" that an answer phrase left over
      words.emplace_back("'");
      inside = true;
    }
  }
  return words;
}

bool is_one_of(std::string_view word, std::span<const std::string_view> list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool holds_one_of(std::string_view text, std::span<const std::string_view> list) {
  return std::any_of(list.begin(), list.end(),
                     [text](std::string_view word) { return text.find(word) != kNone; });
}

bool is_negation(const std::string& word) {
  static constexpr std::string_view kNegations[]{
      "not",   "never", "cannot", "neither", "nor",    "nicht", "pas",  "kein",
      "keine", "non",   "nunca",  "jamais",  "hardly", "nao",   "niet", "ikke"};
  return is_one_of(word, kNegations) || word.ends_with("n't") || word == "'t";
}

/// What stands before a letter in its clause: signs and "but", "so" end one.
std::string_view clause_before(std::string_view text, std::size_t from, std::size_t begin) {
  std::string_view clause = text.substr(from, begin - from);
  static constexpr std::string_view kEnds[]{
      ".",  ";",  ":",     "!",    "?",  "\n",        ",",    "。",    "，",      "；", "：",
      "！", "？", " but ", " so ", "->", "therefore", "thus", "hence", "because", "→",  "、"};
  std::size_t cut = 0;
  for (const std::string_view end : kEnds) {
    const std::size_t at = clause.rfind(end);
    if (at == kNone) continue;
    const auto before = clause.substr(0, at);  // "all but B"
    const bool all = end == " but " && (before.ends_with("ll") || before.ends_with("thing"));
    if (!all) cut = std::max(cut, at + end.size());
  }
  return clause.substr(cut);
}

std::string_view clause_after(std::string_view text, std::size_t end, std::size_t to) {
  std::string_view clause = text.substr(end, to - end);
  static constexpr std::string_view kEnds[]{
      ".",      ";",        "!",        "\n",      ",",     "。",    "，",   "；",
      "！",     "—",        " because", " since ", " but ", " and ", " so ", " as ",
      " while", " whereas", " which ",  "이고",    "이며",  "지만",  "므로", "나머지",
      "니까",   "因为",     "因為",     "而",      "("};
  for (const std::string_view stop : kEnds) clause = clause.substr(0, clause.find(stop));
  return clause;
}

/// "not B", "cannot possibly be B", "rule out option B", "instead of B": a word that denies, and
/// none but light words between it and the letter.
bool is_denied_before(std::string_view clause) {
  static constexpr std::string_view kLight[]{
      "is",       "be",    "the",     "option",  "choice", "answer",  "letter",  "out",
      "of",       "to",    "it",      "an",      "a",      "either",  "simply",  "really",
      "been",     "was",   "think",   "believe", "say",    "choose",  "pick",    "select",
      "possibly", "that",  "correct", "right",   "likely", "options", "choices", "equal",
      "mean",     "would", "could",   "can",     "should", "must",    "text",    "textbf",
      "mathrm",   "just",  "only",    "both",    "have",   "also"};
  static constexpr std::string_view kRefusals[]{
      "exclude",    "excludes",   "excluded",    "excluding", "except",     "eliminate",
      "eliminates", "eliminated", "eliminating", "reject",    "rejects",    "rejected",
      "rejecting",  "discard",    "discards",    "discarded", "discarding", "dismiss",
      "dismissed",  "dismissing", "avoid",       "avoids",    "avoiding",   "unlike",
      "without",    "instead",    "rather",      "than",      "besides",    "skip",
      "ignore"};
  static constexpr std::string_view kOut[]{"rule",  "rules",   "ruled",   "ruling",
                                           "cross", "crossed", "crossing"};
  static constexpr std::string_view kOther[]{
      "不是", "并非", "並非",   "不选",  "不選", "不能", "排除", "除了", "不应", "不應",
      "不会", "非",   "no es ", "não é", "не ",  "❌",    "✗",    "✘",    "~"};
  if (holds_one_of(clause, kOther)) return true;
  const Words words = words_of(clause);
  for (std::size_t k = words.size(); k-- > 0;) {
    if (is_negation(words[k]) || is_one_of(words[k], kRefusals)) return true;
    const bool out = k + 1 < words.size() && words[k + 1] == "out";
    if (out && is_one_of(words[k], kOut)) return true;
    // "the wrong answer is B"; "the incorrect statement is B" answers a question.
    const bool wrong = words[k] == "wrong" || words[k] == "incorrect" || words[k] == "false";
    const bool choice =
        k + 1 < words.size() &&
        (words[k + 1] == "answer" || words[k + 1] == "choice" || words[k + 1] == "option");
    if (wrong && choice) return true;
    if ((words[k] == "all" || words[k] == "anything") && k + 1 < words.size() &&
        words[k + 1] == "but")
      return true;
    if (!is_one_of(words[k], kLight) && words[k] != "but") return false;
  }
  return false;
}

/// "B is wrong", "B can be ruled out", "B doesn't fit", "B가 아닙니다", "B不对", "Bではない".
bool is_denied_after(std::string_view clause) {
  static constexpr std::string_view kDenials[]{
      "wrong",      "incorrect", "false",        "impossible", "excluded",    "eliminated",
      "ruled",      "rejected",  "invalid",      "unlikely",   "untrue",      "inaccurate",
      "dismissed",  "discarded", "inconsistent", "fails",      "contradicts", "no",
      "faux",       "fausse",    "falsa",        "falso",      "incorrecta",  "incorrecto",
      "incorrecte", "errada",    "errado",       "sbagliata",  "falsch"};
  static constexpr std::string_view kOther[]{
      "아니",   "아닙",     "아닌",   "아님",       "틀렸",    "틀린", "틀립",   "틀리",
      "오답",   "제외",     "배제",   "수 없",      "수는 없", "옳지", "맞지",   "잘못",
      "말고",   "거짓",     "불가",   "부정확",     "않",      "못하", "못 ",    "不",
      "错",     "錯",       "誤",     "误",         "排除",    "非",   "假",     "没有",
      "ではな", "ではあり", "じゃな", "間違",       "違",      "除",   "でない", "ません",
      "ない",   "nicht",    "неверн", "неправильн", "ошибочн", "❌",    "✗",      "✘"};
  constexpr std::size_t kNear = 48;
  constexpr std::size_t kNearWords = 7;
  if (holds_one_of(clause.substr(0, kNear), kOther)) return true;
  if (!clause.empty() && (clause.front() == '?' || clause.starts_with("？"))) return true;
  const Words words = words_of(clause.substr(0, clause.find('?')));
  for (std::size_t k = 0; k < std::min(words.size(), kNearWords); ++k)
    if (is_negation(words[k]) || is_one_of(words[k], kDenials)) return true;
  return false;
}

/// Whether nothing but signs and joining words stands between two letters: "A, B", "(A) or (B)".
bool is_list(std::string_view between) {
  static constexpr std::string_view kJoins[]{"and", "or", "nor", "및", "또는", "혹은",
                                             "와",  "과", "和",  "或", "与",   "と"};
  static constexpr std::string_view kNouns[]{"option", "choice", "answer", "options", "choices",
                                             "text",   "textbf", "mathrm", "the"};
  for (const std::string& word : words_of(between))
    if (!is_one_of(word, kJoins) && !is_one_of(word, kNouns)) return false;
  std::string rest;
  for (std::size_t at = 0; at < between.size();) {
    const std::size_t start = at;
    const std::int32_t c = data::next_code_point(between, at);
    const bool letter = c >= 0x80 && data::script_of(c) != data::Script::None;
    if (letter) rest.append(between.substr(start, at - start));
    if (c == '.' || c == ';' || c == ':' || c == '\n' || c == 0x3002 || c == '?') return false;
  }
  return rest.empty() || is_one_of(rest, kJoins);
}

std::vector<ChoiceLetter> letters_alone(std::string_view text, int num_choices) {
  std::vector<ChoiceLetter> letters;
  const char last = static_cast<char>('A' + std::min(num_choices, kMostChoices) - 1);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const char letter = capital(data::next_code_point(text, at));
    if (letter == '\0' || letter > last || !stands_alone(text, begin, at)) continue;
    if (is_word_of_language(text, letter, at)) continue;
    letters.push_back({letter, begin, at});
  }
  return letters;
}

}  // namespace

std::vector<ChoiceLetter> choice_letters(std::string_view text, int num_choices) {
  auto letters = letters_alone(text, num_choices);
  for (std::size_t k = 0; k < letters.size(); ++k) {
    const std::size_t from = k == 0 ? 0 : letters[k - 1].end;
    const std::size_t to = k + 1 < letters.size() ? letters[k + 1].begin : text.size();
    const std::size_t begin = letters[k].begin;
    letters[k].joined = k > 0 && is_list(text.substr(from, begin - from));
    letters[k].denied = is_denied_before(clause_before(text, from, begin)) ||
                        is_denied_after(clause_after(text, letters[k].end, to));
  }
  // "not A or B", "A and B are wrong": what is said of one is said of the list.
  for (std::size_t k = 1; k < letters.size(); ++k)
    letters[k].denied |= letters[k].joined && letters[k - 1].denied;
  for (std::size_t k = letters.size(); k-- > 1;)
    letters[k - 1].denied |= letters[k].joined && letters[k].denied;
  return letters;
}

char chosen_letter(std::string_view text, int num_choices) {
  std::map<char, bool> denied;  // where the letter stands last
  const auto letters = choice_letters(text, num_choices);
  for (const ChoiceLetter& letter : letters) denied[letter.letter] = letter.denied;
  std::erase_if(denied, [](const auto& entry) { return entry.second; });
  if (denied.size() == 1) return denied.begin()->first;
  if (letters.empty()) return '\0';
  const ChoiceLetter& first = letters.front();
  if (letters.size() > 1 && letters[1].joined) {  // "(A) and (B)", but "(B) A or C would fit"
    const auto between = text.substr(first.end, letters[1].begin - first.end);
    if (between.find_first_not_of(" .:()[]*") != kNone) return '\0';
  }
  const std::size_t start = text.find_first_not_of(" ([（*");
  static constexpr std::string_view kMarks[]{".", ")", ":", "]", "）", "．", "：", "、"};
  const bool marked = first.begin == start &&
                      std::any_of(std::begin(kMarks), std::end(kMarks), [&](std::string_view mark) {
                        return text.substr(first.end).starts_with(mark);
                      });
  return marked && denied.count(first.letter) > 0 ? first.letter : '\0';
}

}  // namespace r1::rewards
