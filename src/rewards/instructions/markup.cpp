#include "rewards/instructions/markup.h"

#include "data/json_text.h"
#include "data/letters.h"
#include "data/text.h"

namespace r1::rewards::instructions {
namespace {

constexpr auto kNone = std::string_view::npos;

bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool has_content(std::string_view text) {
  return !data::trim(text).empty();
}

/// Where `sign` follows on the line of `at`; npos: nowhere.
std::size_t on_line(std::string_view text, std::string_view sign, std::size_t at) {
  const std::size_t found = text.find(sign, at);
  return found < text.find('\n', at) ? found : kNone;
}

/// Behind one blank at `at`, if there is one.
std::size_t behind_blank(std::string_view text, std::size_t at) {
  return at < text.size() && is_blank(text[at]) ? at + 1 : at;
}

/// Behind the characters of `signs`; one blank may stand in front of those that `blanks_before` has
/// a blank for. npos: the text has others.
std::size_t behind_signs(std::string_view text, std::size_t at, std::string_view signs,
                         std::string_view blanks_before) {
  for (std::size_t k = 0; k < signs.size(); ++k) {
    if (blanks_before[k] == ' ') at = behind_blank(text, at);
    if (at >= text.size() || text[at] != signs[k]) return kNone;
    ++at;
  }
  return at;
}

bool has_signs(const std::string& text, std::string_view signs, std::string_view blanks_before) {
  for (std::size_t at = text.find(signs[0]); at != std::string::npos;
       at = text.find(signs[0], at + 1))
    if (behind_signs(text, at, signs, blanks_before) != kNone) return true;
  return false;
}

/// A text without a fence of code around it.
std::string without_fence(std::string_view text) {
  std::string inside = data::trim(text);
  for (const std::string_view fence : {"```json", "```Json", "```JSON", "```"})
    if (inside.starts_with(fence)) inside.erase(0, fence.size());
  if (inside.ends_with("```")) inside.resize(inside.size() - 3);
  return data::trim(inside);
}

}  // namespace

std::int64_t num_bullets(std::string_view text) {
  std::int64_t bullets = 0;
  const std::vector<std::string> lines = data::split_at(text, "\n");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::size_t first = lines[i].find_first_not_of(" \t\r\f\v");
    if (first == std::string::npos) continue;
    if (lines[i][first] == '-') ++bullets;
    if (lines[i][first] != '*') continue;
    if (first + 1 < lines[i].size()) {
      if (lines[i][first + 1] != '*') ++bullets;
    } else if (i + 1 < lines.size()) {  // the sign that must follow is the end of the line
      ++bullets;
      ++i;
    }
  }
  return bullets;
}

std::int64_t num_highlights(std::string_view text) {
  std::int64_t highlights = 0;
  for (std::size_t at = text.find('*'); at != kNone;) {
    const std::size_t end = on_line(text, "*", at + 1);
    if (end != kNone && has_content(text.substr(at + 1, end - at - 1))) ++highlights;
    at = text.find('*', end == kNone ? at + 1 : end + 1);
  }
  for (std::size_t at = text.find("**"); at != kNone;) {
    const std::size_t end = on_line(text, "*", at + 2);
    const bool closed = end != kNone && text.substr(end, 2) == "**";
    if (closed && has_content(text.substr(at + 2, end - at - 2))) ++highlights;
    at = text.find("**", closed ? end + 2 : at + 1);
  }
  return highlights;
}

std::int64_t num_placeholders(std::string_view text) {
  std::int64_t placeholders = 0;
  for (std::size_t at = text.find('['); at != kNone;) {
    const std::size_t end = on_line(text, "]", at);
    if (end != kNone) ++placeholders;
    at = text.find('[', end == kNone ? at + 1 : end + 1);
  }
  return placeholders;
}

std::int64_t num_sections(std::string_view text, std::string_view splitter) {
  std::int64_t sections = 0;
  for (std::size_t at = text.find(splitter); at != kNone; at = text.find(splitter, at)) {
    at += splitter.size();
    const std::size_t number = behind_blank(text, at);
    if (number < text.size() && is_digit(text[number])) ++sections;
  }
  return sections;
}

bool has_title(std::string_view text) {
  for (const std::string& line : data::split_at(text, "\n")) {
    const std::size_t begin = line.find("<<");
    const std::size_t end = line.rfind(">>");
    if (begin == std::string::npos || end == std::string::npos || end < begin + 3) continue;
    std::string_view title = std::string_view(line).substr(begin, end + 2 - begin);
    while (title.starts_with('<')) title.remove_prefix(1);
    while (title.ends_with('>')) title.remove_suffix(1);
    if (has_content(title)) return true;
  }
  return false;
}

std::vector<std::string> starred_paragraphs(std::string_view text) {
  constexpr std::string_view kDivider = "***";
  std::vector<std::string> paragraphs;
  std::size_t begin = 0;
  for (std::size_t at = text.find(kDivider); at != kNone; at = text.find(kDivider, begin)) {
    const std::size_t end = at > begin && is_blank(text[at - 1]) ? at - 1 : at;
    paragraphs.emplace_back(text.substr(begin, end - begin));
    begin = behind_blank(text, at + kDivider.size());
  }
  paragraphs.emplace_back(text.substr(begin));
  return paragraphs;
}

bool is_json(std::string_view text) {
  return !data::parse_json_or_discard(without_fence(text)).is_discarded();
}

bool has_postscript(std::string_view text, std::string_view marker) {
  const std::string plain = data::lower(text);
  if (marker == "P.P.S") return has_signs(plain, "p.p.s", "xx x ");
  if (marker == "P.S.") return has_signs(plain, "p.s.", "xx x");
  return plain.find(data::lower(marker)) != std::string::npos;
}

}  // namespace r1::rewards::instructions
