#include "rewards/maths/extract.h"

#include <algorithm>
#include <array>
#include <vector>

#include "data/text.h"
#include "rewards/maths/parse.h"

namespace r1::rewards::maths {
namespace {

constexpr auto kNone = std::string_view::npos;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alnum(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// Position behind the brace that closes the one at `open`; npos: never closed.
std::size_t behind_brace(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t at = open; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '{') {
      ++depth;
    } else if (text[at] == '}' && --depth == 0) {
      return at + 1;
    }
  }
  return kNone;
}

struct Box {
  std::size_t begin, end;  // of "\boxed{…}"
  std::string_view content;
};

std::vector<Box> find_boxes(std::string_view text) {
  std::vector<Box> boxes;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t name = text.find("boxed", at);
    const std::size_t fbox = text.find("\\fbox", at);
    if (fbox < name) name = fbox;
    if (name == kNone) break;
    const std::size_t open = text.find_first_not_of(' ', name + 5);
    at = name + 5;
    if (open == kNone || text[open] != '{') continue;
    const std::size_t end = behind_brace(text, open);
    // A box cut off by its own dollar sign: "$\boxed{28 pct}" is fine, "\boxed{28" is not an
    // answer.
    if (end == kNone) break;
    const bool slash = name > 0 && text[name - 1] == '\\';
    boxes.push_back({slash ? name - 1 : name, end, text.substr(open + 1, end - open - 2)});
    at = end;
  }
  return boxes;
}

/// Whether only list words, commas and maths delimiters stand between two boxes.
bool joins_boxes(std::string_view between) {
  std::string rest;
  bool separated = false;
  for (const char c : between) {
    separated |= c == ',';
    if (c != ' ' && c != '$' && c != ',' && c != '\n' && c != '(' && c != ')') rest += c;
  }
  for (const std::string_view filler :
       {"\\quad", "\\text{and}", "\\text{or}", "\\and", "and", "or", "\\"})
    for (std::size_t at = rest.find(filler); at != kNone; at = rest.find(filler)) {
      separated |= filler != "\\";
      rest.erase(at, filler.size());
    }
  return separated && rest.empty();
}

Candidate boxed(std::string_view text) {
  const auto boxes = find_boxes(text);
  if (boxes.empty()) return {};
  std::size_t first = boxes.size() - 1;
  constexpr std::size_t kLongestJoin = 64;
  while (first > 0) {
    const std::size_t begin = boxes[first - 1].end;
    const auto between = text.substr(begin, boxes[first].begin - begin);
    if (between.size() > kLongestJoin || !joins_boxes(between)) break;
    --first;
  }
  std::string joined;
  for (std::size_t k = first; k < boxes.size(); ++k) {
    if (k > first) joined += " , ";
    joined.append(boxes[k].content);
  }
  return {data::trim(joined), "boxed"};
}

/// The first (or last) piece between maths delimiters; empty without any.
std::string maths_environment(std::string_view text, bool last) {
  constexpr std::array<std::array<std::string_view, 2>, 4> kDelimiters{
      {{"$$", "$$"}, {"\\[", "\\]"}, {"\\(", "\\)"}, {"$", "$"}}};
  std::string found;
  std::array<bool, kDelimiters.size()> unclosed{};
  for (std::size_t at = 0; at < text.size();) {
    std::size_t next = at + 1;
    for (std::size_t k = 0; k < kDelimiters.size(); ++k) {
      const auto [open, close] = kDelimiters[k];
      if (unclosed[k] || text.substr(at, open.size()) != open) continue;
      const std::size_t end = text.find(close, at + open.size());
      unclosed[k] = end == kNone;
      if (end == kNone) continue;
      std::string inside = data::trim(text.substr(at + open.size(), end - at - open.size()));
      if (!inside.empty()) found = std::move(inside);
      next = end + close.size();
      break;
    }
    if (!last && !found.empty()) return found;
    at = next;
  }
  return found;
}

/// The number that begins at a digit or point: digits, separators, one fraction or percent behind.
std::size_t number_end(std::string_view text, std::size_t at) {
  const auto digit_at = [&](std::size_t k) { return k < text.size() && is_digit(text[k]); };
  while (at < text.size() &&
         (is_digit(text[at]) || ((text[at] == ',' || text[at] == '.') && digit_at(at + 1))))
    ++at;
  if (at < text.size() && text[at] == '/' && digit_at(at + 1)) return number_end(text, at + 1);
  if (at < text.size() && text[at] == '%') ++at;
  return at;
}

std::string number_in(std::string_view text, bool last) {
  std::string found;
  for (std::size_t at = 0; at < text.size();) {
    const bool point = text[at] == '.' && at + 1 < text.size() && is_digit(text[at + 1]);
    if (!is_digit(text[at]) && !point) {
      ++at;
      continue;
    }
    std::size_t begin = at;
    const std::size_t end = number_end(text, at);
    // A minus belongs to the number unless something to subtract from stands before it.
    std::size_t before = begin;
    while (before > 0 && (text[before - 1] == '$' || text[before - 1] == '\\')) --before;
    if (before > 0 && text[before - 1] == '-') {
      const std::size_t minus = before - 1;
      std::size_t left = minus;
      while (left > 0 && text[left - 1] == ' ') --left;
      // "16 -3" and "x-3" subtract, "is -3" does not.
      const bool operand = left > 0 && (text[left - 1] == ')' || is_digit(text[left - 1]) ||
                                        (left == minus && is_alnum(text[left - 1])));
      if (!operand) begin = before - 1;
    }
    found = text.substr(begin, end - begin);
    if (!last) return found;
    at = end;
  }
  return found;
}

/// Text up to the end of its line or sentence ("2.5" has no end inside).
std::string_view first_sentence(std::string_view text) {
  const std::size_t start = std::min(text.find_first_not_of(" \t\n*:"), text.size());
  text.remove_prefix(start);
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool stop =
        text[at] == '.' && (at + 1 == text.size() || text[at + 1] == ' ' || text[at + 1] == '\n');
    if (text[at] == '\n' || stop || text.substr(at, 2) == "<|") return text.substr(0, at);
  }
  return text;
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

/// Position behind the last answer phrase; npos without one.
std::size_t behind_phrase(std::string_view text) {
  static const std::array<std::string_view, 15> phrases{
      "####",   "final answer is", "answer is", "final answer:", "answer:",
      "정답은", "정답:",           "답:",       "답은",          "결론:",
      "答案是", "答案：",          "答案:",     "réponse est",   "réponse:"};
  const std::string lower = data::lower_ascii(text);
  std::size_t best = kNone;
  for (const std::string_view phrase : phrases) {
    const std::size_t at = lower.rfind(phrase);
    if (at != kNone && (best == kNone || at + phrase.size() > best)) best = at + phrase.size();
  }
  return best;
}

Candidate by_phrase(std::string_view text) {
  const std::size_t behind = behind_phrase(text);
  if (behind == kNone) return {};
  const std::string_view rest = text.substr(behind);
  const std::string_view sentence = first_sentence(rest);
  const std::string inside = maths_environment(rest.substr(0, rest.find("\n\n", 1)), false);
  // "The largest $n$ is 34": a lone letter names the answer, it is not the answer.
  const bool name =
      inside.size() == 1 && !is_digit(inside[0]) && !number_in(sentence, false).empty();
  if (!inside.empty() && !name && sentence.find_first_of("$\\") != kNone) return {inside, "phrase"};
  std::string plain = data::trim(sentence);
  while (!plain.empty() && plain.back() == '*') plain.pop_back();
  if (is_maths(plain)) return {plain, "phrase"};
  const std::string number = number_in(sentence, false);
  if (!number.empty()) return {number, "phrase"};
  return plain.empty() ? Candidate{} : Candidate{plain, "phrase"};
}

Candidate without_tags(std::string_view text) {
  if (Candidate found = boxed(text); found.found()) return found;
  if (Candidate found = by_phrase(text); found.found()) return found;
  if (const std::string inside = maths_environment(text, true);
      !inside.empty() && !is_prose(inside) && is_maths(inside))
    return {inside, "maths"};
  const std::string whole = data::trim(text);
  constexpr std::size_t kLongestWhole = 256;
  if (whole.size() <= kLongestWhole && is_maths(whole)) return {whole, "whole"};
  const std::string number = is_program(text) ? "" : number_in(text, true);
  if (!number.empty()) return {number, "number"};
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
  const std::string_view part = behind == kNone ? text : text.substr(behind);
  std::string found;
  for (std::size_t at = 0; at < part.size(); ++at) {
    const bool alone =
        (at == 0 || !is_alnum(part[at - 1]) || static_cast<unsigned char>(part[at - 1]) >= 0x80) &&
        (at + 1 == part.size() || !is_alnum(part[at + 1]) ||
         static_cast<unsigned char>(part[at + 1]) >= 0x80);
    // "I" is a pronoun more often than a choice.
    if (!alone || part[at] < 'A' || part[at] > 'J' || part[at] == 'I') continue;
    found = part.substr(at, 1);
    if (behind != kNone) break;
  }
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
