#pragma once
// The Python programs around programs of records. Two run assert tests: one holds the solution, the
// other holds the tests. One runs a checker of open-r1's Codeforces records.
//
// The two processes exchange Python literals over two pipes. The process of the tests requests
// calls of the solution's functions and compares the results itself. The solution can therefore
// neither read a test nor write a verdict, and early exits, objects that compare equal to
// everything and patched built-ins do not help it. Arguments and results are plain data (None,
// numbers, text, lists, tuples, sets, dictionaries). Other results stay in the process of the
// solution, and the tests may call their methods.

namespace r1::rewards::sandbox {

/// argv[1]: the solution. Reads requests from descriptor 3 and writes answers to descriptor 4.
extern const char* const kSolutionHarness;
/// Standard input: a list of test sources. Standard output: '1' or '0' per test. Reads answers from
/// descriptor 3 and writes requests to descriptor 4.
extern const char* const kTestHarness;
/// Standard input: [checker, input, expected output, output]. Runs the checker as `checker.py
/// input.txt correct_output.txt solution_output.txt`, whose files are in memory. Standard output:
/// what the checker prints, a number from 0 to 1. Reference: the dataset card of
/// open-r1/codeforces, field "generated_checker".
extern const char* const kCheckerHarness;

}  // namespace r1::rewards::sandbox
