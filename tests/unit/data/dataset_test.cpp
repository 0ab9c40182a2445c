#include "data/dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "base/errors.h"
#include "data/generators.h"
#include "data/record_reader.h"
#include "data/text.h"

namespace r1::data {
namespace {

std::vector<Problem> numbered(int n) {
  std::vector<Problem> problems;
  for (int i = 0; i < n; ++i)
    problems.push_back({"problem " + std::to_string(i), "", "", "", "", ""});
  return problems;
}

}  // namespace

TEST(Problems, AimeInItsPublishedSpellings) {
  for (const char* record :
       {R"({"ID": "2024-I-1", "Problem": "Find x.", "Solution": "So 33.", "Answer": 33})",
        R"({"id": 60, "problem": "Find x.", "solution": "So 33.", "answer": "33", "url": "u"})",
        R"({"question": "Find x.", "answer": "33"})",
        R"({"ID": "1983-1", "Year": "1983", "Question": "Find x.", "Answer": "33", "Part": ""})"}) {
    const Problem problem = make_problem(nlohmann::json::parse(record), {}, "here");
    EXPECT_EQ(problem.problem + " " + problem.answer, "Find x. 33") << record;
  }
  const Problem boxed = make_problem(
      nlohmann::json::parse(R"J({"id": 1, "problem": "Find x.", "solution": "\\boxed{033}"})J"), {},
      "here");
  EXPECT_EQ(boxed.answer, "\\boxed{033}");
}

TEST(Problems, StatementsOfProgramsArePutTogether) {
  const Problem live =
      make_problem(nlohmann::json::parse(R"J({"question_title": "Two", "question_content": "Add.",
          "starter_code": "class Solution:\n    def add(self, a: int) -> int:", "public_test_cases": "[]"})J"),
                   {}, "here");
  EXPECT_EQ(
      live.problem,
      "Add.\n\nComplete this Python code. Answer with all of it, its imports included, in one "
      "block of code.\n\n```python\nclass Solution:\n    def add(self, a: int) -> int:\n```");
  const Problem forces = make_problem(
      nlohmann::json::parse(R"J({"id": "1/A", "title": "Sum", "description": "Add two numbers.",
          "input_format": "Two integers.", "output_format": "Their sum.", "note": null,
          "interaction_format": null, "examples": [{"input": "1 2\n", "output": "3\n"}],
          "official_tests": [{"input": "1 2\n", "output": "3\n"}]})J"),
      {}, "here");
  EXPECT_EQ(
      forces.problem,
      "Add two numbers.\n\nInput\nTwo integers.\n\nOutput\nTheir sum.\n\nExample input\n1 2\n\n"
      "Example output\n3\n\nAnswer with a whole program in one block of code. It reads standard "
      "input and writes to standard output.");
}

TEST(PromptDataset, EachEpochIsItsOwnPermutation) {
  const PromptDataset data(numbered(10), {}, 7);
  std::vector<std::string> epochs[2];
  for (int step = 0; step < 5; ++step)  // batches of 4 cross the epoch's end
    for (const Problem* p : data.batch(step, 4)) {
      auto& epoch = epochs[epochs[0].size() < 10 ? 0 : 1];
      epoch.push_back(p->problem);
    }
  EXPECT_NE(epochs[0], epochs[1]);
  for (auto& epoch : epochs) EXPECT_EQ(std::set(epoch.begin(), epoch.end()).size(), 10u);
}

TEST(PromptDataset, WhatIsUnwantedIsDroppedFromBothSides) {
  PromptDataset data(numbered(6), numbered(3), 7);
  data.drop([](const Problem& p) { return p.problem == "problem 2" || p.problem == "problem 5"; });
  EXPECT_EQ(data.train().size(), 4u);
  EXPECT_EQ(data.held_out().size(), 2u);
  for (const Problem* p : data.batch(0, 8)) EXPECT_NE(p->problem, "problem 2");
}

TEST(PromptDataset, OrderDependsOnSeedAndPlaceAlone) {
  const PromptDataset a(numbered(10), {}, 7);
  const PromptDataset b(numbered(10), {}, 7);
  b.batch(100, 4);
  for (int place = 0; place < 30; ++place) EXPECT_EQ(a.index_at(place), b.index_at(place));
  const PromptDataset c(numbered(100), {}, 8);
  const PromptDataset d(numbered(100), {}, 9);
  EXPECT_NE(c.batch(0, 50)[0]->problem + c.batch(0, 50)[1]->problem,
            d.batch(0, 50)[0]->problem + d.batch(0, 50)[1]->problem);
  EXPECT_EQ(a.batch(0, 25).size(), 25u);
}

TEST(PromptDataset, HeldOutProblemsAreInNoTrainingSet) {
  DataOptions options;
  options.held_out = 0.0;
  options.generate.names = generator_list();
  options.generate.count = 600;
  options.generate.held_out_count = 100;
  const PromptDataset first = PromptDataset::load(options, 1);
  options.generate.count = 900;
  options.generate.held_out_count = 20;
  options.generate.seed = 5;
  const PromptDataset other = PromptDataset::load(options, 2);  // another stage
  std::set<std::string> held_out;
  for (const Problem& p : first.held_out()) held_out.insert(normalise_for_matching(p.problem));
  EXPECT_GT(held_out.size(), 500u);
  for (const auto* data : {&first, &other})
    for (const Problem& p : data->train())
      ASSERT_EQ(held_out.count(normalise_for_matching(p.problem)), 0u) << p.problem;
}

TEST(PromptDataset, NothingLeftIsAnInputError) {
  EXPECT_THROW(PromptDataset({}, {}, 1), base::InputError);
}

TEST(Problem, ReadsTheUsualRecords) {
  const DataOptions o;
  const auto gsm = make_problem({{"question", "q"}, {"answer", "1 + 2 = 3\n#### 3"}}, o, "f:1");
  EXPECT_EQ(gsm.problem, "q");
  EXPECT_EQ(gsm.answer, "3");
  EXPECT_EQ(gsm.solution, "1 + 2 = 3\n#### 3");
  const auto sft =
      make_problem({{"instruction", "solve"}, {"input", "x"}, {"output", "y"}}, o, "f:1");
  EXPECT_EQ(sft.problem, "solve\n\nx");
  EXPECT_EQ(make_problem({{"problem", "p"}, {"answer", 12}, {"type", "t"}}, o, "f:1").answer, "12");
  EXPECT_THROW(make_problem({{"text", "p"}}, o, "f:1"), base::InputError);
}

TEST(Problem, DotsLeadIntoAField) {
  DataOptions o;
  o.problem_fields = {"extra_info.question"};
  o.answer_fields = {"extra_info.answers.best", "flat.name"};
  const auto nested = make_problem(
      {{"extra_info", {{"question", "q"}, {"answers", {{"best", 7}}}}}, {"flat.name", "x"}}, o,
      "f:1");
  EXPECT_EQ(nested.problem, "q");
  EXPECT_EQ(nested.answer, "7");
  EXPECT_EQ(
      make_problem({{"extra_info", {{"question", "q"}}}, {"flat.name", "x"}}, o, "f:1").answer,
      "x");  // a field that is named so
  EXPECT_EQ(
      make_problem({{"extra_info", {{"question", "q"}, {"answers", "none"}}}}, o, "f:1").answer,
      "");
}

TEST(Problem, ReadsVerlsRecord) {
  const nlohmann::json record{{"data_source", "openai/gsm8k"},
                              {"prompt", {{{"role", "user"}, {"content", "2 + 3?"}}}},
                              {"reward_model", {{"ground_truth", "5"}, {"style", "rule"}}},
                              {"extra_info", {{"answer", "so\n#### 5"}}}};
  const auto problem = make_problem(record, {}, "f:1");
  EXPECT_EQ(problem.problem, "2 + 3?");
  EXPECT_EQ(problem.answer, "5");
  EXPECT_TRUE(problem.turns.empty());
}

TEST(Problem, AConversationIsKeptUpToTheAnswer) {
  const auto turn = [](const char* role, const char* content) {
    return nlohmann::json{{"role", role}, {"content", content}};
  };
  const nlohmann::json turns{turn("system", "Be brief."), turn("user", "1 + 1?"),
                             turn("assistant", "2"), turn("user", "and one more?"),
                             turn("assistant", "3")};
  const auto problem = make_problem({{"messages", turns}, {"answer", 3}}, {}, "f:1");
  EXPECT_EQ(problem.problem, "and one more?");
  EXPECT_EQ(nlohmann::json::parse(problem.turns).size(), 4u);
  EXPECT_EQ(problem.identity(), "1 + 1?\n2\nand one more?");
  const auto sharegpt =
      make_problem({{"conversations",
                     {{{"from", "human"}, {"value", "hi"}}, {{"from", "gpt"}, {"value", "ho"}}}}},
                   {}, "f:1");
  EXPECT_EQ(sharegpt.problem, "hi");
  EXPECT_THROW(make_problem({{"messages", {{{"from", "martian"}, {"value", "hi"}}}}}, {}, "f:1"),
               base::InputError);
}

TEST(Problem, AnUnknownFieldIsSuggested) {
  try {
    make_problem({{"id", 1}, {"meta", {{"query", "1 + 1?"}}}}, {}, "f:1");
    FAIL() << "was read";
  } catch (const base::InputError& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("the record has the fields id, meta.query"), std::string::npos) << what;
    EXPECT_NE(what.find("set data.problem_fields = [\"meta.query\"]"), std::string::npos) << what;
  }
}

TEST(Problem, RecordsThatAreLearntHaveTheIdentityOfTheirQuestion) {
  const nlohmann::json conversation{
      {"messages",
       {{{"role", "user"}, {"content", "1 + 1?"}}, {{"role", "assistant"}, {"content", "2"}}}}};
  EXPECT_EQ(question_identity(conversation, {}), "1 + 1?");
  EXPECT_EQ(question_identity({{"problem", "1 + 1?"}, {"solution", "2"}}, {}), "1 + 1?");
  EXPECT_EQ(question_identity({{"text", "1"}}, {}), "");
}

TEST(Problem, ReadsBenchmarksInTheirOwnForms) {
  const DataOptions o;
  const auto mmlu =
      make_problem({{"question", "Which?"}, {"choices", {"x", "y", "z"}}, {"answer", 1}}, o, "f:1");
  EXPECT_EQ(mmlu.answer, "B");
  EXPECT_NE(mmlu.problem.find("Which?\n\nA. x\nB. y\nC. z"), std::string::npos);
  EXPECT_EQ(
      make_problem({{"question", "q"}, {"options", {"x", "y"}}, {"answer", "A"}}, o, "f:1").answer,
      "A");
  const auto human = make_problem({{"prompt", "def f(x):\n"},
                                   {"entry_point", "f"},
                                   {"canonical_solution", "    return x\n"},
                                   {"test", "def check(c): assert c(1) == 1"}},
                                  o, "f:1");
  EXPECT_NE(human.problem.find("```python\ndef f(x):\n```"), std::string::npos);
  EXPECT_TRUE(human.answer.empty());
  const auto mbpp = make_problem(
      {{"text", "Add."}, {"code", "def add"}, {"test_list", {"assert add(1, 2) == 3"}}}, o, "f:1");
  EXPECT_NE(mbpp.problem.find("assert add(1, 2) == 3"), std::string::npos);
  EXPECT_NE(mbpp.record.find("test_list"), std::string::npos);
}

TEST(Generators, AreFunctionsOfTheSeedWithCheckableAnswers) {
  for (const std::string& name : generator_list()) {
    const auto a = generate_sets(name, 50, 20, 3);
    EXPECT_EQ(a.train, generate_sets(name, 50, 20, 3).train) << name;
    EXPECT_NE(a.train, generate_sets(name, 50, 20, 4).train) << name;
    EXPECT_EQ(a.train.front().at("generator"), name);
    EXPECT_EQ(a.train.size(), 50u);
    EXPECT_FALSE(a.held_out.empty()) << name;
    for (const auto& record : a.train)
      EXPECT_NE(record.at("answer").get<std::string>().empty(), !record.contains("tests"));
  }
  constexpr std::size_t kEnough = 110;  // of the 400 questions of add20
  EXPECT_GE(generate_sets("add20", 10, 128, 1).held_out.size(), kEnough);
  EXPECT_THROW(generate_sets("nothing", 1, 1, 1), base::ConfigError);
}

}  // namespace r1::data
