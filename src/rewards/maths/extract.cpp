#include "rewards/maths/extract.h"

#include <algorithm>
#include <array>

#include "data/text.h"
#include "rewards/maths/parse.h"
#include "rewards/maths/scan.h"

namespace r1::rewards::maths {
namespace {

constexpr auto kNone = std::string_view::npos;

/// Whether the text ends in a decimal.
bool is_decimal(std::string_view text) {
  const std::size_t digits = text.find_last_not_of("0123456789");
  return digits != kNone && text[digits] == '.' && digits + 1 < text.size() && digits > 0 &&
         is_digit(text[digits - 1]);
}

/// Text up to the end of its line or sentence ("2.5" has no end inside).
std::string_view first_sentence(std::string_view text) {
  const std::size_t start = std::min(text.find_first_not_of(" \t\n*:"), text.size());
  text.remove_prefix(start);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (at > 0 && text.substr(at, 3) == "..." && is_decimal(text.substr(0, at))) {  // 0.333...
      at = std::min(text.find_first_not_of('.', at), text.size()) - 1;
      continue;
    }
    const bool stop =
        text[at] == '.' && (at + 1 == text.size() || text[at + 1] == ' ' || text[at + 1] == '\n');
    if (text[at] == '\n' || stop || text.substr(at, 2) == "<|") return text.substr(0, at);
  }
  return text;
}

/// "\text{The answer is } 5" without its introduction.
std::string without_introduction(const std::string& box) {
  constexpr std::string_view kText = "\\text{";
  const std::size_t close = box.find('}');
  if (!box.starts_with(kText) || close == std::string::npos || close + 1 == box.size()) return box;
  const std::string words = data::trim(box.substr(kText.size(), close - kText.size()));
  const bool leads = words.ends_with(" is") || words.ends_with(':') || words.ends_with('=');
  return leads ? data::trim(box.substr(close + 1)) : box;
}

Candidate boxed(std::string_view text) {
  bool found = false;
  const std::string content = without_introduction(last_box(text, found));
  return found ? Candidate{content, "boxed"} : Candidate{};
}

bool contains_text(const Node& node) {
  return node.kind == Kind::Text ||
         std::any_of(node.children.begin(), node.children.end(), contains_text);
}

/// Two or more plain words: a sentence between two dollar amounts, not maths.
bool is_prose(std::string_view text) {
  int words = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && is_alnum(text[end]) && !is_digit(text[end])) ++end;
    const auto word = text.substr(at, end - at);
    const bool macro = at > 0 && (text[at - 1] == '\\' || text[at - 1] == '{');
    if (word.size() > 1 && !macro && word != "and" && word != "or" && word != "pi") ++words;
    at = std::max(end, at + 1);
  }
  return words > 1;
}

/// Whether words stand around the maths: only prose hides a number that counts; "5^" is no 5.
bool has_words(std::string_view text) {
  std::size_t run = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const std::int32_t c = data::next_code_point(text, at);
    const bool ascii = static_cast<unsigned char>(text[start]) < 0x80;
    if (!ascii && data::script_of(c) != data::Script::None) return true;
    const bool letter = ascii && is_alnum(text[start]) && !is_digit(text[start]);
    const bool macro = run == 0 && start > 0 && (text[start - 1] == '\\' || text[start - 1] == '{');
    if (letter && macro) {
      while (at < text.size() && is_alnum(text[at])) ++at;
      continue;
    }
    run = letter ? run + 1 : 0;
    if (run == 2) return true;
  }
  return false;
}

/// A program that ends in a number does not answer with it.
bool is_program(std::string_view text) {
  for (const std::string_view sign : {"__", "('", "()", "(\"", "import "})
    if (text.find(sign) != kNone) return true;
  return false;
}

bool is_maths(std::string_view text) {
  const auto parsed = parse(text);
  return parsed.node && !contains_text(*parsed.node);
}

/// Position behind the last answer phrase ("answer isn't" is none); npos without one.
std::size_t behind_phrase(std::string_view text) {
  static const std::array<std::string_view, 21> phrases{
      "####",        "final answer is", "answer is", "final answer:", "answer:",     "answer =",
      "정답은",      "정답:",           "답:",       "답은",          "결론:",       "최종 답은",
      "答案是",      "答案：",          "答案:",     "答案为",        "réponse est", "réponse:",
      "answers are", "solutions are",   "roots are"};
  const std::string lower = data::lower_ascii(text);
  std::size_t best = kNone;
  for (const std::string_view phrase : phrases) {
    for (std::size_t at = lower.rfind(phrase); at != kNone; at = lower.rfind(phrase, at - 1)) {
      const std::size_t end = at + phrase.size();
      const char next = end < lower.size() ? lower[end] : ' ';
      const bool word = phrase.back() >= 'a' && phrase.back() <= 'z';
      const bool whole = !word || next < 'a' || next > 'z';
      if (whole && (best == kNone || end > best)) best = end;
      if (whole || at == 0) break;
    }
  }
  return best;
}

/// "The vertex is (2, 5).": the bracket around the last number when it holds a list; empty: none.
std::string last_tuple(std::string_view text) {
  const std::size_t digit = text.find_last_of("0123456789");
  const std::size_t close = digit == kNone ? kNone : text.find_first_of(")]", digit);
  if (close == kNone || text.substr(digit, close - digit).find(' ') != kNone) return {};
  int depth = 0;
  for (std::size_t at = close + 1; at-- > 0;) {
    if (text[at] == ')' || text[at] == ']') ++depth;
    if ((text[at] != '(' && text[at] != '[') || --depth > 0) continue;
    const std::string inside(text.substr(at, close + 1 - at));
    const bool called = at > 0 && text[at - 1] >= 'a' && text[at - 1] <= 'z';  // A(2, 5) is a point
    return !called && inside.find(',') != std::string::npos && is_maths(inside) ? inside : "";
  }
  return {};
}

/// "5√2 (about 7.07)": an approximation in brackets behind the answer is dropped.
std::string without_remark(const std::string& text) {
  const std::size_t open = text.rfind('(');
  if (open == std::string::npos || open == 0 || !text.ends_with(')')) return text;
  const std::string inside = data::lower_ascii(data::trim(text.substr(open + 1)));
  for (const std::string_view word : {"약 ", "대략", "approx", "about", "roughly", "≈", "\\approx"})
    if (inside.starts_with(word)) return data::trim(text.substr(0, open));
  return text;
}

bool starts_with_denial(const std::string& text) {
  const std::string lower = data::lower_ascii(text);
  return lower.starts_with("not ") || lower.starts_with("never ") || lower.starts_with("neither ");
}

Candidate by_phrase(std::string_view text) {
  const std::size_t behind = behind_phrase(text);
  if (behind == kNone) return {};
  const std::string_view rest = text.substr(behind);
  const std::string_view sentence = first_sentence(rest);
  const Found number = number_in(sentence, false);
  std::string plain = data::trim(sentence);
  while (!plain.empty() && plain.back() == '*') plain.pop_back();
  plain = without_remark(plain);
  const bool words = plain.starts_with("\\text{") && plain.find('}') + 1 == plain.size();
  if (words || starts_with_denial(plain)) return {plain, "phrase"};
  const auto [inside, doubted] = maths_environment(rest.substr(0, rest.find("\n\n", 1)), false);
  if (doubted && !is_maths(plain)) return {plain, "phrase"};
  // "The largest $n$ is 34": a lone letter names the answer, it is not the answer.
  const bool name = inside.size() == 1 && !is_digit(inside[0]) && !number.text.empty();
  if (!inside.empty() && !name && sentence.find_first_of("$\\") != kNone) return {inside, "phrase"};
  if (is_maths(plain) || number.doubted) return {plain, "phrase"};
  if (const std::string tuple = last_tuple(sentence); !tuple.empty()) return {tuple, "phrase"};
  if (!number.text.empty()) return {number.text, "phrase"};
  return plain.empty() ? Candidate{} : Candidate{plain, "phrase"};
}

/// What follows "final answer", where it is maths.
Candidate final_answer(std::string_view text) {
  if (data::lower_ascii(text).find("final answer") == std::string::npos) return {};
  const Candidate found = by_phrase(text);
  return is_maths(found.text) ? found : Candidate{};
}

Candidate without_tags(std::string_view text) {
  if (Candidate found = boxed(text); found.found()) {
    const Candidate later = final_answer(text.substr(behind_last_box(text)));
    return later.found() ? later : found;
  }
  if (has_open_box(text)) return {};
  if (Candidate found = by_phrase(text); found.found()) return found;
  if (const Found inside = maths_environment(text, true);
      !inside.doubted && !inside.text.empty() && !is_prose(inside.text) && is_maths(inside.text))
    return {inside.text, "maths"};
  const std::string whole = data::trim(text);
  constexpr std::size_t kLongestWhole = 256;
  if (whole.size() <= kLongestWhole && is_maths(whole)) return {whole, "whole"};
  const Found number = is_program(text) || !has_words(text) ? Found{} : number_in(text, true);
  if (!number.text.empty() && !number.doubted) {
    const std::string tuple = last_tuple(text);
    return tuple.empty() ? Candidate{number.text, "number"} : Candidate{tuple, "tuple"};
  }
  constexpr std::size_t kLongestWord = 64;
  return !whole.empty() && whole.size() <= kLongestWord ? Candidate{whole, "whole"} : Candidate{};
}

}  // namespace

std::string_view after_thinking(std::string_view text, bool& open) {
  open = false;
  for (const auto& [begin, end] :
       {std::pair{"<think>", "</think>"}, {"<thinking>", "</thinking>"}}) {
    const std::size_t close = text.rfind(end);
    if (close != kNone) {
      text = text.substr(close + std::string_view(end).size());
    } else if (text.find(begin) != kNone) {
      open = true;
    }
  }
  return text;
}

Candidate extract_answer(std::string_view completion) {
  bool open = false;
  const std::string_view text = after_thinking(completion, open);
  const std::size_t close = text.rfind("</answer>");
  const std::size_t tag = close == kNone ? kNone : text.rfind("<answer>", close);
  if (tag != kNone) {
    const std::size_t begin = tag + std::string_view("<answer>").size();
    const std::string inside = data::trim(text.substr(begin, close - begin));
    if (inside.empty()) return {};
    if (is_maths(inside) && inside.find("boxed") == std::string::npos)
      return {inside, "answer_tag"};
    const Candidate found = without_tags(inside);
    return {found.found() ? found.text : inside, "answer_tag"};
  }
  return open ? Candidate{} : without_tags(text);
}

Candidate extract_letter(std::string_view completion) {
  bool open = false;
  const std::string_view text = after_thinking(completion, open);
  if (open) return {};
  const std::size_t behind = behind_phrase(text);
  const std::string found =
      letter_in(behind == kNone ? text : text.substr(behind), behind != kNone);
  return found.empty() ? Candidate{} : Candidate{found, "letter"};
}

std::string extract_gold(std::string_view field) {
  const std::size_t mark = field.rfind("####");
  if (mark != kNone) return data::trim(field.substr(mark + 4));
  if (const Candidate box = boxed(field); box.found()) return box.text;
  const Candidate phrase = by_phrase(field);
  return phrase.found() ? phrase.text : data::trim(field);
}

}  // namespace r1::rewards::maths
