#include "rewards/sections.h"

namespace r1::rewards {

std::vector<Tag> find_tags(std::string_view text, const TagOptions& tags) {
  std::vector<Tag> found;
  for (std::size_t at = text.find('<'); at != text.npos; at = text.find('<', at + 1)) {
    const bool closing = at + 1 < text.size() && text[at + 1] == '/';
    const std::string_view name = text.substr(at + (closing ? 2 : 1));
    for (const auto* tag : {&tags.think, &tags.answer}) {
      if (tag->empty() || name.substr(0, tag->size()) != *tag) continue;
      if (name.size() == tag->size() || name[tag->size()] != '>') continue;
      found.push_back({closing, tag == &tags.answer, at, at + (closing ? 3 : 2) + tag->size()});
    }
  }
  return found;
}

Sections split_sections(std::string_view text, const TagOptions& tags) {
  Sections sections;
  const std::string open = "<" + tags.think + ">";
  const std::string close = "</" + tags.think + ">";
  const std::size_t begin = text.find(open);
  if (begin == text.npos) {
    sections.rest = text;
    return sections;
  }
  const std::size_t inside = begin + open.size();
  const std::size_t end = text.find(close, inside);
  sections.both_think_tags = end != text.npos;
  sections.thinking = text.substr(inside, end == text.npos ? end : end - inside);
  if (sections.both_think_tags) sections.rest = text.substr(end + close.size());
  return sections;
}

bool last_answer_block(std::string_view text, const std::string& tag, std::string& content) {
  const auto tags = find_tags(text, TagOptions{"", tag, ""});
  for (std::size_t k = tags.size(); k-- > 1;) {
    if (!tags[k].closing || tags[k - 1].closing) continue;
    content = text.substr(tags[k - 1].end, tags[k].begin - tags[k - 1].end);
    return true;
  }
  return false;
}

}  // namespace r1::rewards
