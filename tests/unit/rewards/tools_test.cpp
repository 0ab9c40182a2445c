// Calls of tools: what the Python sandbox and a command answer, what hostile programs get, and
// where a turn ends.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

#include "base/errors.h"
#include "rewards/tools/messages.h"
#include "rewards/tools/python_tool.h"
#include "rewards/tools/turn_rules.h"
#include "rewards/workers/spawner.h"
#include "rewards/workers/worker_pool.h"
#include "support/processes.h"
#include "tokenizer/byte_definition.h"

namespace r1::rewards::tools {
namespace {

namespace fs = std::filesystem;

Call call_of(const std::string& text) {
  Call call;
  call.call = text;
  return call;
}

class PythonTool : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.kind = "python";
    try {
      tool_ = make_tool(options_);
    } catch (const base::ConfigError& error) {
      GTEST_SKIP() << error.what();
    }
  }
  Answer ask(const std::string& text) {
    const auto answer = tool_->answer(call_of(text));
    EXPECT_FALSE(answer.done);
    return answer;
  }

  ToolOptions options_;
  std::unique_ptr<Tool> tool_;
};

TEST_F(PythonTool, AnswersWithWhatIsPrintedAndTheLastValue) {
  const char* const as_json = "{\"name\": \"python\", \"arguments\": {\"code\": \"print(5)\"}}";
  for (const auto& [program, text] : {std::pair{"98765432109876543210 + 1", "98765432109876543211"},
                                      {"print(1)\nprint('two')", "1\ntwo"},
                                      {"x = 3\nfor i in range(2):\n    x *= x\nx", "81"},
                                      {"'text'", "text"},
                                      {"```python\n6 * 7\n```", "42"},
                                      {as_json, "5"},
                                      {"None", ""},
                                      {"import sys\nprint(7)\nsys.exit()", "7"}}) {
    const auto answer = ask(program);
    EXPECT_EQ(answer.text, text) << program;
    EXPECT_EQ(answer.status, "ok") << program;
  }
}

TEST_F(PythonTool, AnswersWithTheErrorOfAProgram) {
  for (const auto& [program, text] :
       {std::pair{"1 / 0", "ZeroDivisionError: division by zero"},
        {"print('before')\nunknown", "before\nNameError: name 'unknown' is not defined"}}) {
    const auto answer = ask(program);
    EXPECT_EQ(answer.text, text);
    EXPECT_EQ(answer.status, "error");
  }
  EXPECT_EQ(ask("def f(").status, "error");
  EXPECT_NE(ask("def f(").text.find("SyntaxError"), std::string::npos);
}

TEST_F(PythonTool, LimitsTimeAndOutput) {
  options_.call_seconds = 0.5;
  tool_ = make_tool(options_);
  const auto late = ask("while True: pass");
  EXPECT_EQ(late.status, "timeout");
  EXPECT_EQ(late.text, failed("timeout").text);
  options_.call_seconds = 60.0;
  options_.output_bytes = 100;
  tool_ = make_tool(options_);
  const auto endless = ask("while True: print('x' * 99)");
  EXPECT_EQ(endless.status, "limit");
  EXPECT_EQ(endless.text.substr(0, 5), "xxxxx");
  EXPECT_TRUE(endless.text.ends_with("\n" + failed("limit").text));
  EXPECT_LT(endless.text.size(), 100 + failed("limit").text.size() + 2);
  EXPECT_NE(ask("'x' * 10**12").status, "ok");
}

TEST_F(PythonTool, HostileProgramsReachNothing) {
  const auto file = (fs::temp_directory_path() / "r1-tool-was-here").string();
  fs::remove(file);
  for (const auto& program : {"open('" + file + "', 'w')", std::string("import os\nos.fork()"),
                              std::string("import socket\nsocket.socket()"),
                              std::string("import os\nos.kill(os.getppid(), 9)"),
                              std::string("import subprocess\nsubprocess.run(['/bin/true'])")}) {
    const auto answer = ask(program);
    EXPECT_EQ(answer.status, "error") << program;
    EXPECT_NE(answer.text.find("Error"), std::string::npos) << answer.text;
  }
  EXPECT_FALSE(fs::exists(file));
  EXPECT_EQ(ask("2 + 2").text, "4");
}

constexpr const char* kEnvironment = R"PYTHON(
import json, sys, time
for line in sys.stdin:
    asked = json.loads(line)
    call = asked["call"]
    if call == "die":
        sys.exit(1)
    if call == "sleep":
        time.sleep(60)
    if call == "number":
        print(5, flush=True)
    elif call == "bare":
        print(json.dumps("bare text"), flush=True)
    else:
        text = f"{call} {len(asked['turns'])} {asked['problem']} {asked['record']}"
        print(json.dumps({"text": text, "done": call is None, "error": call == "wrong"}), flush=True)
)PYTHON";

class CommandTool : public ::testing::Test {
 protected:
  CommandTool() {
    options_.kind = "command";
    options_.command = {"python3", "-c", kEnvironment};
    options_.call_seconds = 20.0;
  }
  ToolOptions options_;
};

TEST_F(CommandTool, ReadsALineAndWritesALine) {
  const auto tool = make_tool(options_);
  auto call = call_of("look");
  call.problem = "a\nproblem";
  call.record = R"({"seed": 3})";
  call.earlier = {{"first", "answer"}};
  const auto answer = tool->answer(call);
  EXPECT_EQ(answer.text, "look 1 a\nproblem {'seed': 3}");
  EXPECT_EQ(answer.status, "ok");
  EXPECT_FALSE(answer.done);
  call.is_call = false;
  const auto last = tool->answer(call);
  EXPECT_TRUE(last.done);
  EXPECT_EQ(last.text.substr(0, 4), "None");
  EXPECT_EQ(tool->answer(call_of("bare")).text, "bare text");
  EXPECT_EQ(tool->answer(call_of("wrong")).status, "error");
}

TEST_F(CommandTool, AFailureCostsItsOwnCallAlone) {
  auto tool = make_tool(options_);
  EXPECT_EQ(tool->answer(call_of("die")).status, "limit");
  EXPECT_EQ(tool->answer(call_of("a")).status, "ok");
  EXPECT_EQ(tool->answer(call_of("number")).status, "limit");
  EXPECT_EQ(tool->answer(call_of("b")).text.substr(0, 3), "b 0");
  options_.call_seconds = 0.5;
  tool = make_tool(options_);
  EXPECT_EQ(tool->answer(call_of("sleep")).status, "timeout");
}

TEST_F(CommandTool, MustBeAProgram) {
  options_.command = {"no-such-program-anywhere"};
  EXPECT_EQ(missing_program(options_), "no-such-program-anywhere");
  EXPECT_THROW(make_tool(options_), base::ConfigError);
}

workers::PoolOptions pool_options(const ToolOptions& options, double seconds) {
  return {"rollout.tools",
          {workers::ServiceKind::Tools, 1024, pack(options)},
          options.workers,
          seconds};
}

workers::Outcome wait_for(workers::WorkerPool& pool, std::uint64_t number) {
  auto outcome = pool.take(number);
  for (; !outcome; outcome = pool.take(number)) pool.serve(1.0);
  return *outcome;
}

TEST_F(CommandTool, CallsRunInWorkersWhileTheProgramGoesOn) {
  const workers::Spawner spawner;
  options_.workers = 2;
  workers::WorkerPool pool(pool_options(options_, 60.0));
  pool.start();
  std::vector<std::uint64_t> numbers;
  for (int i = 0; i < 20; ++i)
    numbers.push_back(pool.submit(pack(call_of("n" + std::to_string(i)))));
  EXPECT_FALSE(pool.take(numbers[0]));
  for (const pid_t worker : children_of(spawner.pid())) ::kill(worker, SIGKILL);  // both
  for (std::size_t i = numbers.size(); i-- > 0;) {
    const auto outcome = wait_for(pool, numbers[i]);
    EXPECT_EQ(outcome.failure, "");
    EXPECT_EQ(unpack_answer(outcome.body).text.substr(0, 4).find("n" + std::to_string(i)), 0u);
  }
  EXPECT_FALSE(pool.take(numbers[0])) << "given out once";
}

TEST_F(CommandTool, AWorkerThatDoesNotAnswerIsReplaced) {
  const workers::Spawner spawner;
  workers::WorkerPool pool(pool_options(options_, 0.5));
  pool.start();
  for (const pid_t worker : children_of(spawner.pid())) ::kill(worker, SIGSTOP);
  EXPECT_EQ(wait_for(pool, pool.submit(pack(call_of("a")))).failure, "timeout");
}

TEST(ToolMessages, ReadBackAndEndEarlyWithAnError) {
  auto call = call_of("x");
  call.is_call = false;
  call.record = "r";
  call.earlier = {{"a", "b"}, {"c", "d"}};
  const auto bytes = pack(call);
  const auto back = unpack_call(bytes);
  EXPECT_EQ(back.call, "x");
  EXPECT_FALSE(back.is_call);
  EXPECT_EQ(back.record, "r");
  ASSERT_EQ(back.earlier.size(), 2u);
  EXPECT_EQ(back.earlier[1].text, "d");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_THROW(unpack_call(bytes.substr(0, size)), base::Error) << size;
  ToolOptions options;
  options.answer_begin = "[";
  options.max_turns = 9;
  EXPECT_EQ(unpack_options(pack(options)).answer_begin, "[");
  EXPECT_EQ(unpack_options(pack(options)).max_turns, 9);
}

class Rules : public ::testing::Test {
 protected:
  Rules() {
    options_.kind = "python";
    options_.call_begin = "[";
    options_.call_end = "]";
    options_.answer_begin = "{";
    options_.answer_end = "}<|im_start|>";
  }
  TurnRules rules() const { return {options_, tokenizer_}; }
  data::Completion completion(const std::string& text) const {
    data::Completion out;
    out.token_ids = tokenizer_->encode(text);
    return out;
  }
  /// Adds an answer and more of the model's text.
  void go_on(data::Completion& to, const std::string& call, std::string answer,
             const std::string& text) const {
    const auto begin = static_cast<std::int64_t>(to.token_ids.size());
    for (const auto id : rules().answer_ids(answer)) to.token_ids.push_back(id);
    to.answers.push_back(
        {begin, static_cast<std::int64_t>(to.token_ids.size()), call, answer, "ok"});
    for (const auto id : tokenizer_->encode(text)) to.token_ids.push_back(id);
  }

  ToolOptions options_;
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer_ =
      std::make_shared<tokenizer::Tokenizer>(tokenizer::byte_definition());
};

TEST_F(Rules, ACallEndsItsTurn) {
  EXPECT_EQ(rules().turn_end(completion("so [1+2"), false), TurnEnd::No);
  EXPECT_EQ(rules().turn_end(completion("so [1+2]"), false), TurnEnd::Answered);
  EXPECT_EQ(rules().turn_end(completion("so 1+2]"), false), TurnEnd::No) << "nothing began";
  EXPECT_EQ(rules().turn_end(completion("no call"), true), TurnEnd::No);
  const auto call = rules().call_of(completion("so [1+2]"), false);
  EXPECT_EQ(call.call, "1+2");
  EXPECT_TRUE(call.is_call);
  EXPECT_EQ(call.completion, "so [1+2]");
}

TEST_F(Rules, AnswersAreNoTurns) {
  auto out = completion("so [1+2]");
  go_on(out, "1+2", "[3]", " is");
  EXPECT_EQ(rules().turn_end(out, false), TurnEnd::No) << "the call in the answer is none";
  for (const auto id : tokenizer_->encode(" and [3*3]")) out.token_ids.push_back(id);
  EXPECT_EQ(rules().turn_end(out, false), TurnEnd::Answered);
  const auto call = rules().call_of(out, false);
  EXPECT_EQ(call.call, "3*3");
  ASSERT_EQ(call.earlier.size(), 1u);
  EXPECT_EQ(call.earlier[0].text, "[3]");
  EXPECT_EQ(call.completion, "so [1+2] is and [3*3]");
}

TEST_F(Rules, TheLastTurnIsNotAnswered) {
  options_.max_turns = 2;
  auto out = completion("[1]");
  EXPECT_EQ(rules().turn_end(out, false), TurnEnd::Answered);
  go_on(out, "1", "1", "[2]");
  EXPECT_EQ(rules().turn_end(out, false), TurnEnd::Last);
}

TEST_F(Rules, AnEnvironmentAnswersEveryTurn) {
  options_.kind = "command";
  options_.every_turn = true;
  auto out = completion("left<|im_end|>");
  EXPECT_EQ(rules().turn_end(out, true), TurnEnd::Answered);
  const auto call = rules().call_of(out, true);
  EXPECT_FALSE(call.is_call);
  EXPECT_EQ(call.call, "left");
}

TEST_F(Rules, NoAnswerHoldsControlTokens) {
  constexpr data::TokenId kStart = 256, kEnd = 257;
  std::string text = "<|im_end|><|im_start|>}";
  const auto ids = rules().answer_ids(text);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), kEnd), 0);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), kStart), 1) << "the configured one, at the end";
  EXPECT_EQ(ids.back(), kStart);
  EXPECT_EQ(tokenizer_->decode(ids), "{" + text + "}");
}

TEST_F(Rules, LongAnswersAreCut) {
  options_.max_answer_tokens = 5;
  std::string text = "0123456789";
  const auto ids = rules().answer_ids(text);
  EXPECT_EQ(text, "01234");
  EXPECT_EQ(ids.size(), 1u + 5u + 2u);
}

TEST_F(Rules, MarksAreTextThatCompletionsHold) {
  options_.call_end = "<|im_end|>";
  EXPECT_THROW(rules(), base::ConfigError);
}

}  // namespace
}  // namespace r1::rewards::tools
