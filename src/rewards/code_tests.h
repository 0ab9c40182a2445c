#pragma once
// What a record says about a program's tests, what a completion says about the program, and the
// comparison of outputs.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace r1::rewards {

/// Tests of one record: programs with standard input and output, or Python statements.
struct CodeTests {
  struct Run {
    std::string input;
    std::string expected;
  };
  std::vector<Run> runs;
  std::vector<std::string> statements;
  std::string language;  // "python", "cpp"; empty: the completion's own

  std::size_t size() const { return runs.size() + statements.size(); }
};

/// Fields of the record (or of its "metadata"), the first that is there:
///   tests         [{"stdin" or "input": text, "stdout", "output" or "expected": text}, ...], or
///                 [statement, ...] such as "assert f(2) == 4"
///   input_output  {"inputs": [text], "outputs": [text]}, or that as text (APPS)
///   test_list     [statement, ...], before each "test_setup_code" (MBPP)
///   test          a definition of check(candidate), called with "entry_point" (HumanEval)
/// and "language". Nothing: the record has no tests that can be read.
std::optional<CodeTests> read_code_tests(const std::string& record);
/// Whether the record has one of those fields, readable or not.
bool has_code_tests(const std::string& record);

struct CodeBlock {
  std::string language;  // the word behind the fence, lower case; "python", "cpp" in one spelling
  std::string text;
};

/// The last fenced block that is closed; nothing: none.
std::optional<CodeBlock> last_code_block(std::string_view text);

/// Same lines, as many of them; blanks at the ends of lines and empty lines at the end of the text
/// do not count.
bool same_output(std::string_view printed, std::string_view expected);

}  // namespace r1::rewards
