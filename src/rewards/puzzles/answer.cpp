#include "rewards/puzzles/answer.h"

#include <algorithm>
#include <array>

#include "data/text.h"
#include "rewards/sections.h"

namespace r1::rewards::puzzles {
namespace {

/// Lines that hold more than white space, code fences left out.
std::vector<std::string> filled_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (const std::string& line : data::split_at(text, "\n")) {
    const std::string bare = data::trim(line);
    if (!bare.empty() && bare.compare(0, 3, "```") != 0) lines.push_back(line);
  }
  return lines;
}

std::string joined(const std::vector<std::string>& lines, std::size_t begin, std::size_t end) {
  std::string text;
  for (std::size_t i = begin; i < end; ++i) text += (i == begin ? "" : "\n") + lines[i];
  return data::trim(text);
}

/// Content of the last \boxed{…}; false without a closed one.
bool last_box(const std::string& text, std::string& content) {
  constexpr std::string_view kBox = "\\boxed{";
  const std::size_t at = text.rfind(kBox);
  if (at == std::string::npos) return false;
  const std::size_t begin = at + kBox.size();
  int depth = 1;
  for (std::size_t end = begin; end < text.size(); ++end) {
    if (text[end] == '{') ++depth;
    if (text[end] != '}' || --depth > 0) continue;
    content = text.substr(begin, end - begin);
    constexpr std::string_view kText = "\\text{";
    if (content.compare(0, kText.size(), kText) == 0 && content.back() == '}')
      content = content.substr(kText.size(), content.size() - kText.size() - 1);
    return true;
  }
  return false;
}

/// Where the text behind the last answer phrase begins; npos without one.
std::size_t behind_phrase(const std::string& text) {
  constexpr std::array<std::string_view, 5> kPhrases{"answer is:", "answer is",
                                                     "answer:", "답:", "답은"};
  const std::string lower = data::lower_ascii(text);
  std::size_t behind = std::string::npos;
  for (const std::string_view phrase : kPhrases) {
    const std::size_t at = lower.rfind(phrase);
    if (at == std::string::npos) continue;
    const std::size_t end = at + phrase.size();
    const bool goes_on = phrase.back() == 's' && end < lower.size() && lower[end] >= 'a' &&
                         lower[end] <= 'z';  // "the answer isn't"
    if (goes_on) continue;
    if (behind == std::string::npos || end > behind) behind = end;
  }
  return behind;
}

}  // namespace

std::string answer_of(const std::string& completion, const TagOptions& tags,
                      const std::string& gold) {
  const Sections sections = split_sections(completion, tags);
  if (!sections.both_think_tags && !sections.thinking.empty()) return {};
  std::string content;
  if (!tags.answer.empty() && last_answer_block(sections.rest, tags.answer, content)) {
    const auto lines = filled_lines(content);
    return joined(lines, 0, lines.size());
  }
  if (last_box(sections.rest, content)) return content;
  const std::size_t wanted = std::max<std::size_t>(1, filled_lines(gold).size());
  const std::size_t phrase = behind_phrase(sections.rest);
  if (phrase != std::string::npos) {
    auto lines = filled_lines(sections.rest.substr(phrase));
    if (!lines.empty() && data::trim(lines[0]).find_first_not_of("*:") == std::string::npos)
      lines.erase(lines.begin());  // "**Answer:**": the rest of the emphasis
    if (!lines.empty()) return joined(lines, 0, std::min(wanted, lines.size()));
  }
  const auto lines = filled_lines(sections.rest);
  return joined(lines, lines.size() - std::min(wanted, lines.size()), lines.size());
}

}  // namespace r1::rewards::puzzles
