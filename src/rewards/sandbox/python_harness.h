#pragma once
// The two Python programs that run assert tests: one holds the solution, the other the tests.
//
// They talk in Python literals over two pipes. The tests' process asks for calls of the solution's
// functions and compares results itself, so that the solution can neither see a test nor write a
// verdict: ending early, equal-to-everything objects and patched built-ins gain nothing. Arguments
// and results are plain data (None, numbers, text, lists, tuples, sets, dictionaries); other
// results stay with the solution, and the tests may call their methods.

namespace r1::rewards::sandbox {

/// argv[1]: the solution. Reads requests from descriptor 3, answers on 4.
extern const char* const kSolutionHarness;
/// Standard input: a list of test sources. Standard output: '1' or '0' for each. Reads answers from
/// descriptor 3, asks on 4.
extern const char* const kTestHarness;

}  // namespace r1::rewards::sandbox
