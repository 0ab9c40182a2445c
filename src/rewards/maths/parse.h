#pragma once
// Parses an answer to a syntax tree, by precedence climbing with hard limits on size and depth.
#include <optional>
#include <string>
#include <string_view>

#include "rewards/maths/node.h"

namespace r1::rewards::maths {

struct ParseResult {
  std::optional<Node> node;  // empty: not readable as maths
  bool limit = false;        // stopped by a limit
  std::string unit;          // first known unit after a value, normalised: "cm", "hour"
};

/// `text`: LaTeX or plain text as written. Never throws on text of a model.
ParseResult parse(std::string_view text, const Limits& limits = {});

}  // namespace r1::rewards::maths
