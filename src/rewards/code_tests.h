#pragma once
// What a record says about a program's tests, and the comparison of outputs.
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
///   tests         [{"stdin" or "input": text, "stdout", "output" or "expected": text}, ...] (a
///   number
///                 is the text that it is written as, a list of both is lines), or
///                 [statement, ...] such as "assert f(2) == 4"
///   input_output  {"inputs": [text], "outputs": [text]}, or that as text (APPS)
///   test_list     [statement, ...], before each "test_setup_code" (MBPP)
///   test          a definition of check(candidate), called with "entry_point" (HumanEval)
/// and "language". Nothing: the record has no tests that can be read.
std::optional<CodeTests> read_code_tests(const std::string& record);
/// Whether the record has one of those fields, readable or not.
bool has_code_tests(const std::string& record);

/// "python" for "py", "python3" and their kin, "cpp" for "c++17"; other words as they are.
std::string one_language(const std::string& word);

/// Same lines, as many of them; blanks at the ends of lines and empty lines at the end of the text
/// do not count.
bool same_output(std::string_view printed, std::string_view expected);

}  // namespace r1::rewards
