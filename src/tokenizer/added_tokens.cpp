#include "tokenizer/added_tokens.h"

#include <algorithm>

namespace r1::tokenizer {

AddedTokenMatcher::AddedTokenMatcher() : nodes_(1) {}

void AddedTokenMatcher::add(const AddedToken& token) {
  if (token.content.empty()) return;
  starts_[static_cast<unsigned char>(token.content.front())] = true;
  std::uint32_t node = 0;
  for (const char character : token.content) {
    const auto byte = static_cast<unsigned char>(character);
    const auto& children = nodes_[node].children;
    const auto child = std::find_if(children.begin(), children.end(),
                                    [byte](const auto& entry) { return entry.first == byte; });
    if (child != children.end()) {
      node = child->second;
      continue;
    }
    const auto fresh = static_cast<std::uint32_t>(nodes_.size());
    nodes_[node].children.emplace_back(byte, fresh);
    nodes_.emplace_back();
    node = fresh;
  }
  nodes_[node].id = token.id;
  nodes_[node].special = token.special;
}

AddedTokenMatcher::Match AddedTokenMatcher::match_at(std::string_view text, std::size_t begin,
                                                     bool with_special) const {
  Match best{begin, begin, -1};
  std::uint32_t node = 0;
  for (std::size_t at = begin; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const auto& children = nodes_[node].children;
    const auto child = std::find_if(children.begin(), children.end(),
                                    [byte](const auto& entry) { return entry.first == byte; });
    if (child == children.end()) break;
    node = child->second;
    if (nodes_[node].id >= 0 && (with_special || !nodes_[node].special))
      best = {begin, at + 1, nodes_[node].id};
  }
  return best;
}

AddedTokenMatcher::Match AddedTokenMatcher::find(std::string_view text, std::size_t from,
                                                 bool with_special) const {
  if (!empty())
    for (std::size_t at = from; at < text.size(); ++at) {
      if (!starts_[static_cast<unsigned char>(text[at])]) continue;
      const Match match = match_at(text, at, with_special);
      if (match.end > match.begin) return match;
    }
  return {text.size(), text.size(), -1};
}

}  // namespace r1::tokenizer
