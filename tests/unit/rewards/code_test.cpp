// The code reward and the external reward, on worker processes as in a run.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/errors.h"
#include "base/random.h"
#include "data/generators.h"
#include "rewards/code_tests.h"
#include "rewards/combine.h"
#include "rewards/workers/spawner.h"
#include "support/processes.h"

namespace r1::rewards {
namespace {

constexpr double kExact = 1e-12;

/// One worker that lives as long as the tests of this file, as in a run.
class CodeTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    spawner_ = std::make_unique<workers::Spawner>();
    RewardOptions options;
    options.parts = {{"code", 1.0, ""}};
    options.workers = 1;
    options.code.test_seconds = 2.0;
    options.code.run_seconds = 6.0;
    reward_ = std::make_unique<CombinedReward>(options);
    try {
      reward_->start();
    } catch (const base::ConfigError& error) {
      problem_ = error.what();
    }
  }
  static void TearDownTestSuite() {
    reward_.reset();
    spawner_.reset();
  }
  void SetUp() override {
    if (!problem_.empty()) GTEST_SKIP() << problem_;
  }

  static data::Reward score(const std::string& completion, const nlohmann::json& record) {
    RewardInput input;
    input.completion = completion;
    input.record = record.dump();
    return reward_->score_one(input);
  }
  /// Points and reason of a program against a record.
  static std::string verdict(const std::string& program, const nlohmann::json& record,
                             const std::string& language = "python") {
    const auto reward = score("Thus:\n```" + language + "\n" + program + "\n```\n", record);
    return fmt::format("{:.2f} {}", reward.total, reward.reason);
  }

  static std::unique_ptr<workers::Spawner> spawner_;
  static std::unique_ptr<CombinedReward> reward_;
  static std::string problem_;
};

std::unique_ptr<workers::Spawner> CodeTest::spawner_;
std::unique_ptr<CombinedReward> CodeTest::reward_;
std::string CodeTest::problem_;

const nlohmann::json kDouble = nlohmann::json::parse(
    R"({"tests": [{"input": "3\n", "output": "6\n"}, {"input": "5\n", "output": "10"}]})");
const nlohmann::json kSquare = nlohmann::json::parse(
    R"({"tests": ["assert square(3) == 9", "assert square(0) == 0", "assert square(-2) == 4"]})");

/// A program that knows the answers: what the tests expect, by what they feed.
std::string program_for(const nlohmann::json& record) {
  nlohmann::json answers;
  for (const auto& test : record.at("tests"))
    answers[test.at("input").get<std::string>()] = test.at("output");
  return "import sys\nprint(" + answers.dump() + "[sys.stdin.read()], end='')\n";
}

}  // namespace

TEST(SameOutput, LinesAndTheirNumber) {
  EXPECT_TRUE(same_output("1 \r\n2\n\n", "1\n2"));
  EXPECT_FALSE(same_output("1\n2\n3\n", "1\n2\n"));
  EXPECT_FALSE(same_output("1\n", "1\n2\n"));
  EXPECT_FALSE(same_output("1 2", "1\n2"));
  EXPECT_FALSE(same_output("1\n\n2", "1\n2"));
  EXPECT_FALSE(same_output("", "0"));
}

TEST(CodeTests, RecordsOfAllForms) {
  EXPECT_EQ(read_code_tests(kDouble.dump())->runs.at(1).expected, "10");
  const auto apps = read_code_tests(
      R"({"input_output": "{\"inputs\": [\"1\\n\", [\"a\", \"b\"]], \"outputs\": [\"2\", [\"c\"]]}"})");
  EXPECT_EQ(apps->runs.at(1).input, "a\nb\n");
  const auto mbpp = read_code_tests(
      R"J({"metadata": {"test_list": ["assert f(1)"], "test_setup_code": "import math"}})J");
  EXPECT_EQ(mbpp->statements.at(0), "import math\nassert f(1)");
  const auto human = read_code_tests(
      R"J({"test": "def check(candidate):\n    assert candidate(1)", "entry_point": "g",
          "language": "Python3"})J");
  EXPECT_EQ(human->statements.at(0), "def check(candidate):\n    assert candidate(1)\ncheck(g)");
  EXPECT_EQ(human->language, "python");
  for (const char* bad :
       {"", "[]", "{}", R"({"tests": []})", R"({"tests": [3]})", R"({"tests": [{"input": "1"}]})",
        R"({"test_list": "assert"})", R"({"input_output": {"inputs": ["1"], "outputs": []}})"})
    EXPECT_FALSE(read_code_tests(bad)) << bad;
}

TEST(CodeTests, LiveCodeBenchsPublicAndPackedTests) {
  const auto runs = read_code_tests(
      R"J({"question_content": "Double.", "metadata": "{}",
          "public_test_cases": "[{\"input\": \"1\\n\", \"output\": \"2\\n\", \"testtype\": \"stdin\"}]",
          "private_test_cases": "eJxrYJlqwwABPRbR1UqZeQWlJUpWCkpGMXlKOgpK+aUlUAETiEBJanFJSWVBKkiouCQlM0+pNnaKHgCVcRRJ"})J");
  ASSERT_TRUE(runs);
  ASSERT_EQ(runs->runs.size(), 2u);
  EXPECT_EQ(runs->runs[0].expected, "2\n");
  EXPECT_EQ(runs->runs[1].input, "2\n");
  const auto calls = read_code_tests(
      R"J({"metadata": "{\"func_name\": \"f\"}", "private_test_cases": "",
          "public_test_cases": [{"input": "[1, null]\n\"a\"", "output": "{\"b\": true}", "testtype": "functional"}]})J");
  ASSERT_TRUE(calls);
  EXPECT_EQ(calls->statements.at(0), "assert Solution().f([1, None], \"a\") == {\"b\": True}");
  for (const char* bad :
       {R"J({"public_test_cases": "[]"})J",
        R"J({"public_test_cases": "[", "private_test_cases": ""})J",
        R"J({"public_test_cases": [{"input": "1", "output": "2", "testtype": "functional"}]})J"})
    EXPECT_FALSE(read_code_tests(bad)) << bad;
}

TEST_F(CodeTest, RecordsOfLiveCodeBenchAndCodeforcesAreScored) {
  const auto calls = nlohmann::json::parse(
      R"J({"metadata": "{\"func_name\": \"twice\"}", "private_test_cases": "[]",
          "public_test_cases": "[{\"input\": \"[1, 2]\", \"output\": \"[2, 4]\", \"testtype\": \"functional\"}]"})J");
  const std::string solution =
      "class Solution:\n    def twice(self, values):\n        return [FACTOR * v for v in values]";
  const auto with = [&solution](const char* factor) {
    std::string text = solution;
    return text.replace(text.find("FACTOR"), 6, factor);
  };
  EXPECT_EQ(verdict(with("2"), calls, "python"), "1.00 ok");
  EXPECT_EQ(verdict(with("3"), calls, "python"), "0.00 wrong");
  const auto forces = nlohmann::json::parse(
      R"J({"description": "Double.", "official_tests": [{"input": "3\n", "output": "6\n"}]})J");
  EXPECT_EQ(verdict("print(2 * int(input()))", forces, "python"), "1.00 ok");
  EXPECT_EQ(verdict("print(3 * int(input()))", forces, "python"), "0.00 wrong");
}

TEST_F(CodeTest, ACheckerOfTheRecordJudgesOutputsThatDiffer) {
  nlohmann::json record = {{"official_tests", {{{"input", "7\n"}, {"output", "3 4\n"}}}},
                           {"generated_checker", R"(
import sys
from pathlib import Path

def main():
    total = int(open(sys.argv[1]).read())
    with open(sys.argv[3]) as file:
        found = list(map(int, file.read().split()))
    right = len(found) == len(Path(sys.argv[2]).read_text().split()) and sum(found) == total
    print(1 if right else 0)

main()
)"}};
  EXPECT_EQ(verdict("print(3, 4)", record), "1.00 ok");
  EXPECT_EQ(verdict("n = int(input()); print(n - 1, 1)", record), "1.00 ok");
  EXPECT_EQ(verdict("print(3, 5)", record), "0.00 wrong");
  EXPECT_EQ(verdict("print('import sys; sys.exit(0)')", record), "0.00 unparsable_gold");
  record["generated_checker"] = "print('yes')";
  EXPECT_EQ(verdict("print(2, 5)", record), "0.00 unparsable_gold");
}

TEST(CodeTests, InputsThatAreNoText) {
  const auto tests = read_code_tests(
      R"({"tests": [{"input": 5, "output": 10}, {"stdin": ["a", 1], "stdout": "a1"},
                    {"input": null, "output": ["x", "y"]}, {"input": 12345678901234567890123, "output": 0.5}]})");
  ASSERT_TRUE(tests);
  EXPECT_EQ(tests->runs.at(0).input, "5");
  EXPECT_EQ(tests->runs.at(0).expected, "10");
  EXPECT_EQ(tests->runs.at(1).input, "a\n1\n");
  EXPECT_EQ(tests->runs.at(2).input, "");
  EXPECT_EQ(tests->runs.at(2).expected, "x\ny\n");
  EXPECT_EQ(tests->runs.at(3).input, "12345678901234567890123");
  EXPECT_EQ(tests->runs.at(3).expected, "0.5");
  for (const char* bad : {R"({"tests": [{"input": true, "output": "1"}]})",
                          R"({"tests": [{"input": {"a": 1}, "output": "1"}]})",
                          R"({"tests": [{"input": [[1, 2]], "output": "1"}]})",
                          R"({"tests": [{"input": "1", "output": null}]})",
                          R"({"tests": [{"input": "1", "output": false}]})"})
    EXPECT_FALSE(read_code_tests(bad)) << bad;
}

TEST_F(CodeTest, BuiltInsAreTheSolutionsWhereTheyAreTested) {
  const auto tested = [](const std::string& program, const std::string& statement) {
    return verdict(program, {{"tests", {statement}}});
  };
  EXPECT_EQ(tested("def sum(a, b): return a + b", "assert sum(2, 3) == 5"), "1.00 ok");
  EXPECT_EQ(
      tested("def filter(xs): return [x for x in xs if x > 1]", "assert filter([1, 2]) == [2]"),
      "1.00 ok");
  EXPECT_EQ(tested("def round(x): return 'r%d' % x", "assert round(3) == 'r3'"), "1.00 ok");
  EXPECT_EQ(tested("def filter(xs): return xs[1:]", "assert len(filter([1, 2])) == 1"), "1.00 ok");
  EXPECT_EQ(tested("def sorted(xs): return xs[::-1]",
                   "def check(candidate):\n    assert candidate([1, 2]) == [2, 1]\ncheck(sorted)"),
            "1.00 ok");
  EXPECT_EQ(tested("def f(x): return [x]", "assert len(f(1)) == 1 and sorted(f(2)) == [2]"),
            "1.00 ok");
  EXPECT_EQ(tested("x = 1", "assert max([1, 2]) == 2"), "0.00 wrong");
  EXPECT_EQ(tested("def abs(x): return 0", "assert abs(-3) == 3"), "0.00 wrong");
  EXPECT_EQ(tested("def f(x): return 9\ndef abs(x): return 0", "assert abs(f(2) - 4) < 1e-6"),
            "0.00 wrong");
  EXPECT_EQ(tested("def max(x): return 2", "assert min([1, 2]) == 1"), "0.00 wrong");
  EXPECT_EQ(tested("1/0", "assert max([1, 2]) == 2"), "0.00 wrong");
}

TEST_F(CodeTest, SharesOfTests) {
  EXPECT_EQ(verdict("print(2 * int(input()))", kDouble), "1.00 ok");
  EXPECT_EQ(verdict("print(int(input()) + 3)", kDouble), "0.50 wrong");
  EXPECT_EQ(verdict("print(2 * int(input()))", kDouble, ""), "1.00 ok");
  EXPECT_EQ(verdict("def square(x): return x * x", kSquare), "1.00 ok");
  EXPECT_NEAR(score("```python\ndef square(x): return 3 * x\n```", kSquare).total, 2.0 / 3, kExact);
  EXPECT_EQ(verdict("#include <iostream>\nint main() { int n; std::cin >> n; std::cout << 2 * n; }",
                    kDouble, "cpp"),
            "1.00 ok");
}

TEST_F(CodeTest, ReasonsOfFailures) {
  EXPECT_EQ(score("no code at all", kDouble).reason, "no_answer");
  EXPECT_EQ(score("<think>```python\nprint(6)\n```", kDouble).reason, "no_answer");
  EXPECT_EQ(verdict("this is not C++", kDouble, "cpp"), "0.00 unparsable_answer");
  EXPECT_EQ(verdict("puts 6", kDouble, "ruby"), "0.00 unparsable_answer");
  EXPECT_EQ(verdict("while True: pass", kDouble), "0.00 timeout");
  EXPECT_EQ(verdict("while True: print(6)", kDouble), "0.00 limit");
  EXPECT_EQ(verdict("def square(x):\n    while True: pass", kSquare), "0.00 timeout");
  const auto no_tests = score("```python\nprint(6)\n```", nlohmann::json::object());
  EXPECT_TRUE(no_tests.drop);
  EXPECT_EQ(no_tests.reason, "unparsable_gold");
}

TEST_F(CodeTest, CheatsWithOutputGainNothing) {
  EXPECT_EQ(verdict("print(6)\nprint(10)", kDouble), "0.00 wrong");  // all answers, every time
  EXPECT_EQ(verdict("for i in range(10000): print(i)", kDouble), "0.00 wrong");
  EXPECT_EQ(verdict("n = int(input())\nprint(2 * n)\nprint(2 * n)", kDouble), "0.00 wrong");
  EXPECT_EQ(verdict("", kDouble), "0.00 wrong");
  EXPECT_EQ(verdict("import sys\nsys.exit(0)", kDouble), "0.00 wrong");
  EXPECT_EQ(verdict("print(2 * int(input()))\nraise SystemExit(3)", kDouble), "0.00 wrong");
  EXPECT_EQ(verdict("import os, glob\nfor d in ('/', '/tmp', '/proc/self', '/proc/self/cwd'):\n"
                    "    try:\n        for f in os.listdir(d): print(open(d + '/' + f).read())\n"
                    "    except OSError: pass\nprint(open('/proc/self/cmdline').read())",
                    kDouble),
            "0.00 wrong");
}

TEST_F(CodeTest, CheatsWithAssertionsGainNothing) {
  const std::string zero = "0.00 wrong";
  EXPECT_EQ(verdict("import os\nos._exit(0)", kSquare), zero);
  EXPECT_EQ(verdict("def square(x):\n    import os\n    os._exit(0)", kSquare), zero);
  EXPECT_EQ(verdict("def square(x): raise SystemExit(0)", kSquare), zero);
  EXPECT_EQ(verdict("class Same(int):\n    def __eq__(self, other): return True\n"
                    "def square(x): return Same(7)",
                    kSquare),
            zero);
  EXPECT_EQ(verdict("class Same:\n    def __eq__(self, other): return True\n"
                    "def square(x): return Same()",
                    kSquare),
            zero);
  EXPECT_EQ(verdict("import builtins\nbuiltins.AssertionError = ZeroDivisionError\n"
                    "def square(x): return 7",
                    kSquare),
            zero);
  EXPECT_EQ(verdict("import os\nfor fd in range(64):\n    try: os.write(fd, b'111')\n"
                    "    except OSError: pass\ndef square(x): return 7",
                    kSquare),
            zero);
  EXPECT_EQ(verdict("import os\nfor i in range(9):\n    os.write(4, b\"('value', 9, [])\\n\")\n"
                    "def square(x): return 7",
                    kSquare),
            "0.33 wrong");  // a guess like any other: it does not see what the test wants
  EXPECT_EQ(verdict("import os\nos.write(4, b\"__import__('os')._exit(0)\\n\" * 9)", kSquare),
            zero);
  EXPECT_EQ(verdict("import sys\nprint(sys.argv, sys.orig_argv, file=sys.__stdout__)\n"
                    "def square(x):\n    f = sys._getframe()\n    while f.f_back: f = f.f_back\n"
                    "    return f.f_globals.get('test')",
                    kSquare),
            zero);
}

TEST_F(CodeTest, AssertionsOnWhatPythonHas) {
  EXPECT_EQ(
      verdict("def f(x): x.sort(); return None\nclass Box:\n    def __init__(self, n): "
              "self.n = n\n    def get(self): return {'n': (self.n, [1.5, None])}\n"
              "def g(x):\n    if x < 0: raise ValueError('negative')\n    return float('inf')",
              nlohmann::json::parse(R"PY({"tests": [
      "a = [3, 1, 2]\nf(a)\nassert a == [1, 2, 3]",
      "import math\nassert math.isinf(g(1)) and round(2.5) == 2",
      "assert Box(4).get() == {'n': (4, [1.5, None])}",
      "try:\n    g(-1)\n    assert False\nexcept ValueError:\n    pass",
      "def check(candidate):\n    assert candidate(2) > 1\ncheck(g)"]})PY")),
      "1.00 ok");
}

TEST_F(CodeTest, HostileTextLeavesTheWorkerAlive) {
  for (const char* program : {"import os\nwhile True: os.fork()", "x = bytearray(100 << 30)",
                              "import os\nos.kill(os.getppid(), 9)",
                              "import socket\nsocket.socket()", "open('/tmp/r1-x', 'w')"})
    EXPECT_EQ(verdict(program, kDouble), "0.00 wrong") << program;
  EXPECT_FALSE(std::filesystem::exists("/tmp/r1-x"));
  EXPECT_EQ(verdict(std::string(200000, '#'), kDouble), "0.00 limit");
  EXPECT_EQ(verdict("print(2 * int(input()))", kDouble), "1.00 ok");
}

TEST_F(CodeTest, AWorkerKilledWhileItCompilesLeavesNothing) {
  const std::jthread killer([](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      for (const pid_t worker : children_of(spawner_->pid()))
        for (const pid_t driver : children_of(worker))
          for (const pid_t compiler : children_of(driver))
            if (program_of(compiler) == "cc1plus") ::kill(worker, SIGKILL);
    }
  });
  std::string bomb =  // takes long, but little memory
      "constexpr int f(int n) {\n  for (int i = 0; i < 99999; ++i)\n"
      "    for (int j = 0; j < 99999; ++j) n ^= i * j;\n  return n;\n}\n";
  for (int i = 0; i < 20; ++i) bomb += fmt::format("constexpr int x{0} = f({0});\n", i);
  EXPECT_EQ(verdict(bomb, kDouble, "cpp"), "0.00 limit");
  EXPECT_EQ(verdict("print(2 * int(input()))", kDouble), "1.00 ok");
  EXPECT_EQ(children_of(spawner_->pid()).size(), 1u);  // the worker, and no compiler
}

class ExternalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = std::filesystem::temp_directory_path() / "r1-external-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    folder_ = path;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  /// Rewards of three completions by a command of these lines in sh; $n counts requests.
  std::vector<data::Reward> score(const std::string& per_request) {
    std::ofstream(folder_ + "/command.sh")
        << "n=0\nwhile read -r line; do n=$((n + 1)); " << per_request << "; done\n";
    const workers::Spawner spawner;
    RewardOptions options;
    options.parts = {{"external", 1.0, ""}};
    options.workers = 1;
    options.external.command = {"sh", folder_ + "/command.sh"};
    options.external.timeout = 0.5;
    std::vector<RewardInput> inputs(3);
    for (const int i : {0, 1, 2})
      inputs[static_cast<std::size_t>(i)].completion = "c" + std::to_string(i);
    return CombinedReward(options).score(inputs);
  }

  std::string folder_;
};

TEST_F(ExternalTest, AnswersLineByLine) {
  const auto rewards =
      score(R"(case $line in *c1*) echo '{"score": 0.25, "reason": "ok"}';; *) echo 1;; esac)");
  EXPECT_EQ(rewards[0].total, 1.0);
  EXPECT_EQ(rewards[1].total, 0.25);
  EXPECT_EQ(rewards[1].reason, "ok");
  EXPECT_EQ(rewards[2].total, 1.0);
}

TEST_F(ExternalTest, SaysWhatWasNotAnswered) {
  ::testing::internal::CaptureStderr();
  const auto rewards =
      score(R"(echo "no module named judge" >&2; case $line in *c0*) echo 1;; *) exit 1;; esac)");
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(rewards[0].parts.at("external.failed"), 0.0);
  EXPECT_EQ(rewards[2].parts.at("external.failed"), 1.0);
  const std::size_t warning = log.find("ended instead of answering");
  ASSERT_NE(warning, std::string::npos) << log;
  EXPECT_NE(log.find("no module named judge", warning), std::string::npos) << log;
  EXPECT_EQ(log.find("ended instead of answering", warning + 1), std::string::npos) << log;
}

TEST_F(ExternalTest, ACommandThatFailsIsReplaced) {
  const auto died = score(R"(case $line in *c1*) exit 1;; esac; echo 1)");
  EXPECT_EQ(died[0].total, 1.0);
  EXPECT_EQ(died[1].reason, "limit");
  EXPECT_EQ(died[2].total, 1.0);
  const auto hung = score(R"(case $line in *c1*) sleep 100;; esac; echo 1)");
  EXPECT_EQ(hung[1].reason, "timeout");
  EXPECT_EQ(hung[2].total, 1.0);
  for (const char* garbage : {"nonsense", "2", "-1", "{}", "[", "1\\n1", "null"}) {
    const auto talked = score(std::string("case $line in *c1*) printf '%b\\n' '") + garbage +
                              "'; continue;; esac; echo 0.5");
    EXPECT_EQ(talked[0].total, 0.5) << garbage;
    EXPECT_EQ(talked[1].reason, "limit") << garbage;
    EXPECT_EQ(talked[2].total, 0.5) << garbage;
  }
  EXPECT_EQ(score(R"(case $line in *c1*) yes | tr -d '\n';; *) echo 1;; esac)")[1].reason, "limit");
}

TEST(PuzzleProgram, TheScorerIsPickedByRecord) {
  const workers::Spawner spawner;
  RewardOptions options;
  options.parts = {{"puzzle", 1.0, ""}};
  options.puzzle.programs = true;
  EXPECT_THROW(CombinedReward{options}, base::ConfigError);  // programs need workers
  options.workers = 1;
  options.code.test_seconds = 2.0;
  const CombinedReward reward(options);
  try {
    reward.start();
  } catch (const base::ConfigError& error) {
    GTEST_SKIP() << error.what();
  }
  const auto verdict = [&](const nlohmann::json& record, const std::string& answer) {
    RewardInput input;
    input.completion = "<think>Easy.</think> " + answer;
    input.answer = record.value("answer", "");
    input.record = record.dump();
    const auto scored = reward.score_one(input);
    EXPECT_EQ(scored.parts.size(), 1U);
    return fmt::format("{:.2f} {}", scored.total, scored.reason);
  };
  const auto generated = [](const char* name) {
    base::RandomStream random(5);
    return data::find_generator(name)(random);
  };
  const auto code = generated("code_problem");
  EXPECT_EQ(verdict(code, "```python\n" + program_for(code) + "```"), "1.00 ok");
  EXPECT_EQ(verdict(code, "```python\nprint('none')\n```"), "0.00 wrong");
  EXPECT_EQ(verdict(code, "<answer>42</answer>"), "0.00 no_answer");
  for (const char* name : {"simple_equations", "motion", "molar_mass", "knights_knaves"}) {
    const auto record = generated(name);
    const auto answer = record.at("answer").get<std::string>();
    EXPECT_EQ(verdict(record, "<answer>" + answer + "</answer>"), "1.00 ok") << name;
    EXPECT_EQ(verdict(record, "<answer>none</answer>").substr(0, 4), "0.00") << name;
  }
  const nlohmann::json maths{{"problem", "What is 1/2 + 1/2?"}, {"answer", "1"}};
  EXPECT_EQ(verdict(maths, "<answer>\\frac{2}{2}</answer>"), "1.00 ok");
  const nlohmann::json with_metadata{{"tests", code.at("tests")}, {"metadata", {{"from", "here"}}}};
  EXPECT_EQ(verdict(with_metadata, "```\n" + program_for(code) + "```"), "1.00 ok");
  const nlohmann::json unreadable{{"answer", "5"}, {"tests", "none"}};
  EXPECT_EQ(verdict(unreadable, "<answer>5</answer>"), "0.00 unparsable_gold");
}

TEST_F(ExternalTest, AMissingCommandIsNamed) {
  const workers::Spawner spawner;
  RewardOptions options;
  options.parts = {{"external", 1.0, ""}};
  EXPECT_THROW(CombinedReward{options}, base::ConfigError);  // needs workers and a command
  options.workers = 1;
  options.external.command = {"no-such-program"};
  try {
    CombinedReward(options).start();
    FAIL() << "started";
  } catch (const base::ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("no-such-program"), std::string::npos);
  }
}

}  // namespace r1::rewards
