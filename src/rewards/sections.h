#pragma once
// Splits a completion into the thinking part and the answer, and finds the tags.
#include <string>
#include <string_view>
#include <vector>

#include "rewards/options.h"

namespace r1::rewards {

/// A tag with one of the configured names: <think>, </think>, <answer>, </answer>.
struct Tag {
  bool closing = false;
  bool is_answer = false;
  std::size_t begin = 0, end = 0;
};

/// All tags in order of appearance.
std::vector<Tag> find_tags(std::string_view text, const TagOptions& tags);

struct Sections {
  bool both_think_tags = false;  // an opening and later a closing tag
  std::string thinking;          // between the first pair of tags; up to the end if unclosed
  std::string rest;              // text after the thinking part; everything without thinking part
};

/// Never fails: every text has sections.
Sections split_sections(std::string_view text, const TagOptions& tags);

/// The content of the last well formed <answer>…</answer> without a tag inside. Returns false if
/// there is none.
bool last_answer_block(std::string_view text, const std::string& tag, std::string& content);

}  // namespace r1::rewards
