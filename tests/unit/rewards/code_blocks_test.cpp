// Which fenced block of a completion is the program.
#include "rewards/code_blocks.h"

#include <gtest/gtest.h>

namespace r1::rewards {
namespace {

const std::string kFence = "```";

CodeTests runs() {
  CodeTests tests;
  tests.runs.push_back({"1 2\n", "3\n"});
  return tests;
}

CodeTests asserts(const std::string& statement = "assert f(1) == 2") {
  CodeTests tests;
  tests.statements.push_back(statement);
  return tests;
}

std::string block(const std::string& info, const std::string& text) {
  return kFence + info + "\n" + text + "\n" + kFence + "\n";
}

std::string program(const std::string& text, const CodeTests& tests = runs()) {
  const auto found = find_program(text, tests);
  return found ? found->language + ":" + found->text : "none";
}

}  // namespace

TEST(CodeBlocks, FencesOfAllForms) {
  const std::string two = "a\n  b\n";
  for (const char* text :
       {"```python\na\n  b\n```\n", "~~~python\na\n  b\n~~~\n", "````python\na\n  b\n````\n",
        "1. Add:\n\n   ```python\n   a\n     b\n   ```\n", "\t```python\n\ta\n\t  b\n\t```\n",
        "> ```python\n> a\n>   b\n> ```\n", "- ```python\n  a\n    b\n  ```\n",
        "1. ```python\n   a\n     b\n   ```\n", "```python\r\na\r\n  b\r\n```\r\n",
        "``` python\na\n  b\n``` \n", "```{.python .x}\na\n  b\n```",
        "```python title=\"x\"\na\n  b\n```", "```Python3\na\n  b\n`````", "```sol.py\na\n  b\n```",
        "      ```py\n      a\n        b\n      ```"}) {
    const auto blocks = code_blocks(text);
    ASSERT_EQ(blocks.size(), 1u) << text;
    EXPECT_EQ(blocks[0].language, "python") << text;
    EXPECT_EQ(blocks[0].text, two) << text;
  }
  const auto nested = code_blocks("````python\n```\nx\n```\n````\n");
  ASSERT_EQ(nested.size(), 1u);
  EXPECT_EQ(nested[0].text, "```\nx\n```\n");
  EXPECT_EQ(code_blocks("```python\ndef f():\n    \"\"\"\n    ```\n    \"\"\"\n```\n").size(), 1u);
  EXPECT_EQ(code_blocks("```C++ title\nb\n\nc\n```\n")[0].language, "cpp");
  for (const char* none :
       {"```python\nunclosed", "no code", "```inline```", "``\nx\n``", "~~~\nx\n```"})
    EXPECT_TRUE(code_blocks(none).empty()) << none;
}

TEST(CodeBlocks, WhatFollowsTheProgramIsAnExample) {
  const std::string sum = block("python", "print(sum(map(int, input().split())))");
  const std::string kept = "python:print(sum(map(int, input().split())))\n";
  for (const std::string& behind :
       {block("text", "3"), block("bash", "python sol.py"), block("json", "{}"), block("", "3"),
        block("output", "3"), block("console", "$ python sol.py"), block("python", "print(3)"),
        block("cpp", "int x;")})
    EXPECT_EQ(program(sum + "Thus:\n" + behind), kept) << behind;
  const std::string f = block("python", "def f(a):\n    return a + 1");
  for (const std::string& behind : {block("python", "print(f(1))"), block("pycon", ">>> f(1)"),
                                    block("", "2"), block("python", "def main():\n    f(1)")})
    EXPECT_EQ(program(f + behind, asserts()), "python:def f(a):\n    return a + 1\n") << behind;
}

TEST(CodeBlocks, TheLastOfSeveralProgramsCounts) {
  const std::string first = block("python", "print(input())");
  const std::string second = block("python", "print(input() * 2)");
  EXPECT_EQ(program(first + second), "python:print(input() * 2)\n");
  EXPECT_EQ(program(block("", "print(input())") + block("", "3")), ":print(input())\n");
  EXPECT_EQ(
      program(block("python", "def f(): pass") + block("python", "def f(): return 1"), asserts()),
      "python:def f(): return 1\n");
  EXPECT_EQ(program(block("ruby", "puts 1")), "ruby:puts 1\n");
  EXPECT_EQ(program("none"), "none");
}

}  // namespace r1::rewards
