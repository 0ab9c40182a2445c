#pragma once
// Fenced code blocks of a completion, and the choice of the block that holds the program.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/code_tests.h"

namespace r1::rewards {

struct CodeBlock {
  std::string language;  // first word after the fence, lower case; "python" and "cpp" have one
                         // spelling
  std::string text;      // without the indentation of the fence
};

/// Returns the closed blocks in order: fences of three or more backticks or tildes, indented, in
/// lists and quotations. Reference: CommonMark 0.31, fenced code blocks.
std::vector<CodeBlock> code_blocks(std::string_view text);

/// Returns the program among the blocks. Blocks that name a language other than Python and C++ are
/// ignored. The last block is chosen that is in the language of the tests and that defines the
/// functions under test, or reads input if the tests provide input; later blocks are then examples.
/// A block that names its language is preferred to a block that does not. If no block qualifies,
/// the last block is chosen. Nothing: there is no block.
std::optional<CodeBlock> find_program(std::string_view text, const CodeTests& tests);

}  // namespace r1::rewards
