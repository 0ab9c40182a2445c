#pragma once
// Cuts a completion into its thinking part and its answer, and finds the tags in it.
#include <string>
#include <string_view>
#include <vector>

#include "rewards/options.h"

namespace r1::rewards {

/// A tag of the configured names: <think>, </think>, <answer>, </answer>.
struct Tag {
  bool closing = false;
  bool is_answer = false;
  std::size_t begin = 0, end = 0;
};

/// All tags in order of appearance.
std::vector<Tag> find_tags(std::string_view text, const TagOptions& tags);

struct Sections {
  bool both_think_tags = false;  // an opening and later a closing tag
  std::string thinking;          // between the first pair; an unclosed one: up to the end
  std::string rest;              // what follows it; everything without thinking part
};

/// Never fails: text of any form has sections.
Sections split_sections(std::string_view text, const TagOptions& tags);

/// The content of the last well formed <answer>…</answer> (no tag inside); false without one.
bool last_answer_block(std::string_view text, const std::string& tag, std::string& content);

}  // namespace r1::rewards
