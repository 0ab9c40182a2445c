#pragma once
// Fenced code blocks of a completion, and which of them is the program.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/code_tests.h"

namespace r1::rewards {

struct CodeBlock {
  std::string language;  // the word behind the fence, lower case; "python", "cpp" in one spelling
  std::string text;      // without the indentation of its fence
};

/// The closed blocks, in order: fences of three or more backticks or tildes, indented, in lists and
/// quotations. Reference: CommonMark 0.31, fenced code blocks.
std::vector<CodeBlock> code_blocks(std::string_view text);

/// The program among them. Blocks that name another language than Python and C++ are none. The last
/// counts that is in the tests' language and defines what they call, or reads input where they give
/// some: what follows it is an example. One that names its language goes before one that does not.
/// Without such a block the last counts. Nothing: no block.
std::optional<CodeBlock> find_program(std::string_view text, const CodeTests& tests);

}  // namespace r1::rewards
