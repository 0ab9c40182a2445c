#pragma once
// Reads the tests of a program from a record, and compares outputs.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace r1::rewards {

/// The tests of one record: runs with standard input and output, or Python statements.
struct CodeTests {
  struct Run {
    std::string input;
    std::string expected;
  };
  std::vector<Run> runs;
  std::vector<std::string> statements;
  std::string language;  // "python", "cpp"; empty: the language of the completion
  /// A Python program that judges an output of a run where several outputs are right; empty: the
  /// expected output is the only one (sandbox/python_harness.h).
  std::string checker;

  std::size_t size() const { return runs.size() + statements.size(); }
};

/// Reads the first of these fields that the record, or the record's "metadata", contains:
///   tests         [{"stdin" or "input": text, "stdout", "output" or "expected": text}, ...], where
///   a
///                 number counts as its text and a list of texts and numbers as lines, or
///                 [statement, ...] such as "assert f(2) == 4"
///   input_output  {"inputs": [text], "outputs": [text]}, or this object as text (APPS)
///   test_list     [statement, ...]; "test_setup_code" is put before each statement (MBPP)
///   test          a definition of check(candidate), called with "entry_point" (HumanEval)
///   public_test_cases, private_test_cases  lists of {"input", "output", "testtype"}, as JSON text,
///                 the latter also packed (data/packed_text.h); testtype "functional": a line of
///                 JSON for each argument of Solution's method "func_name" of the metadata
///                 (LiveCodeBench)
///   official_tests  as tests (open-r1's Codeforces)
/// The fields "language" and "generated_checker" (open-r1's Codeforces) are read too. Nothing: the
/// record has no readable tests.
std::optional<CodeTests> read_code_tests(const std::string& record);
/// Whether the record has one of these fields, readable or not.
bool has_code_tests(const std::string& record);

/// Normalises the name of a language: "python" for "py" and "python3", "cpp" for "c++17"; other
/// words are returned unchanged.
std::string one_language(const std::string& word);

/// Whether two outputs have equal lines. Blanks at the ends of lines and empty lines at the end of
/// the text are ignored.
bool same_output(std::string_view printed, std::string_view expected);

}  // namespace r1::rewards
