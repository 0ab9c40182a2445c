#pragma once
// Fenced code blocks of a completion, and the choice of the block that holds the program.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/code_tests.h"

namespace r1::rewards {

struct CodeBlock {
  std::string language;  // first word after the fence, normalised; may be empty
  std::string text;      // without the indentation of the fence
};

/// Returns the closed blocks in order: fences of three or more backticks or tildes, indented, in
/// lists and quotations. Reference: CommonMark 0.31, fenced code blocks.
std::vector<CodeBlock> code_blocks(std::string_view text);

/// Returns the program among the blocks: the last block in Python or C++ that is in the language of
/// the tests and that defines the functions under test, or reads input if the tests provide input;
/// later blocks are then examples. A block that names its language is preferred to a block without
/// a language. If no block fits the tests, the result is the last block in Python or C++, else the
/// last block without a language, else the last block. Nothing: there is no block.
std::optional<CodeBlock> find_program(std::string_view text, const CodeTests& tests);

}  // namespace r1::rewards
