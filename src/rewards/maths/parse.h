#pragma once
// Reads an answer into a syntax tree: precedence climbing with hard limits on size and depth.
#include <optional>
#include <string>
#include <string_view>

#include "rewards/maths/node.h"

namespace r1::rewards::maths {

struct ParseResult {
  std::optional<Node> node;  // empty: not readable as maths
  bool limit = false;        // stopped by a limit
  std::string unit;          // the first known unit behind a value, in one spelling: "cm", "hour"
};

/// `text` as written, LaTeX or plain. Never throws on what a model writes.
ParseResult parse(std::string_view text, const Limits& limits = {});

}  // namespace r1::rewards::maths
