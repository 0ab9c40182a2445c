#include "rewards/maths/doubt.h"
#include "rewards/maths/scan.h"

#include <array>
#include <vector>

#include "data/text.h"

namespace r1::rewards::maths {
namespace {

constexpr auto kNone = std::string_view::npos;

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

/// "and y_2 =" without the name of what the next box holds.
std::string_view without_name(std::string_view text) {
  const std::size_t sign = text.find_last_not_of(" $");
  if (sign == kNone || text[sign] != '=') return text;
  std::size_t begin = text.find_last_not_of(' ', sign - (sign > 0 ? 1 : 0));
  if (begin == kNone) return text;
  const std::size_t subscript = text.rfind('_', begin);
  if (subscript != kNone && subscript > 0 && begin - subscript <= 4) begin = subscript - 1;
  const bool alone = begin == 0 || !is_alnum(text[begin - 1]);
  return is_alnum(text[begin]) && alone ? text.substr(0, begin) : text;
}

/// Whether only list words, commas and maths delimiters stand between two boxes.
bool joins_boxes(std::string_view between) {
  between = without_name(between);
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

/// The pieces between maths delimiters.
std::vector<Box> find_environments(std::string_view text) {
  constexpr std::array<std::array<std::string_view, 2>, 4> kDelimiters{
      {{"$$", "$$"}, {"\\[", "\\]"}, {"\\(", "\\)"}, {"$", "$"}}};
  std::vector<Box> found;
  std::array<bool, kDelimiters.size()> unclosed{};
  for (std::size_t at = 0; at < text.size();) {
    const bool amount = text.substr(at, 2) == "\\$";  // no delimiter
    std::size_t next = at + (amount ? 2 : 1);
    for (std::size_t k = 0; k < kDelimiters.size() && !amount; ++k) {
      const auto [open, close] = kDelimiters[k];
      if (unclosed[k] || text.substr(at, open.size()) != open) continue;
      const std::size_t end = text.find(close, at + open.size());
      unclosed[k] = end == kNone;
      if (end == kNone) continue;
      const auto inside = text.substr(at + open.size(), end - at - open.size());
      next = end + close.size();
      if (inside.find_first_not_of(" \n\t") != kNone) found.push_back({at, next, inside});
      break;
    }
    at = next;
  }
  return found;
}

/// The contents of boxes [first, last), as one list.
std::string joined(const std::vector<Box>& boxes, std::size_t first, std::size_t last) {
  std::string out;
  for (std::size_t k = first; k < last; ++k) {
    if (k > first) out += " , ";
    out.append(boxes[k].content);
  }
  return data::trim(out);
}

/// Whether boxes[k] goes on the list that boxes[k - 1] begins.
bool goes_on(std::string_view text, const std::vector<Box>& boxes, std::size_t k) {
  constexpr std::size_t kLongestJoin = 64;
  const std::size_t begin = boxes[k - 1].end;
  const auto between = text.substr(begin, boxes[k].begin - begin);
  return between.size() <= kLongestJoin && joins_boxes(between);
}

/// Where the list that ends the text begins.
std::size_t list_begin(std::string_view text, const std::vector<Box>& boxes) {
  std::size_t first = boxes.size() - 1;
  while (first > 0 && goes_on(text, boxes, first)) --first;
  return first;
}

}  // namespace

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alnum(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string last_box(std::string_view text, bool& found) {
  const auto boxes = find_boxes(text);
  found = !boxes.empty();
  return found ? joined(boxes, list_begin(text, boxes), boxes.size()) : std::string{};
}

std::size_t behind_last_box(std::string_view text) {
  const auto boxes = find_boxes(text);
  return boxes.empty() ? 0 : boxes.back().end;
}

bool has_open_box(std::string_view text) {
  const std::size_t open = text.rfind("\\boxed{");
  return open != kNone && behind_brace(text, open + 6) == kNone;
}

Found maths_environment(std::string_view text, bool last) {
  const auto pieces = find_environments(text);
  if (pieces.empty()) return {};
  std::size_t first = last ? list_begin(text, pieces) : 0;
  std::size_t end = first + 1;
  while (end < pieces.size() && goes_on(text, pieces, end)) ++end;
  const std::string value = with_unit(joined(pieces, first, end), text, pieces[end - 1].end);
  return {value, is_doubted(text, pieces[first].begin, pieces[end - 1].end)};
}

}  // namespace r1::rewards::maths
