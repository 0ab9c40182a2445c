// Multiple choice in the forms that benchmarks have.
#include "data/choices.h"

#include <gtest/gtest.h>

#include <set>

#include "base/errors.h"
#include "data/dataset.h"

namespace r1::data {
namespace {

std::string asked(const char* record) {
  DataOptions options;
  options.problem_fields = {"question"};
  options.answer_fields = {"answer"};
  const Problem problem = make_problem(nlohmann::json::parse(record), options, "here");
  return problem.answer + " " + problem.problem.substr(0, problem.problem.find("\n\nAnswer"));
}

}  // namespace

TEST(Choices, ALetterNamesItsChoiceEvenWhereAnotherReadsLikeIt) {
  EXPECT_EQ(asked(R"({"question": "Type?", "choices": ["O", "A", "B", "AB"], "answer": "B"})"),
            "B Type?\n\nA. O\nB. A\nC. B\nD. AB");
  EXPECT_EQ(asked(R"({"question": "Grade?", "choices": ["C", "D", "A", "B"], "answer": "A"})")[0],
            'A');
  EXPECT_EQ(
      asked(R"({"question": "Type?", "A": "O", "B": "A", "C": "B", "D": "AB", "answer": "B"})")[0],
      'B');
  EXPECT_EQ(asked(R"({"question": "?", "choices": ["O", "A", "B", "AB"], "answer": "AB"})")[0],
            'D');
  EXPECT_EQ(asked(R"({"question": "?", "choices": ["O", "A", "B", "AB"], "answer": "O"})")[0], 'A');
}

TEST(Choices, GpqasColumnsAreShownInAnOrderOfTheQuestion) {
  std::set<char> letters;
  for (int n = 0; n < 24; ++n) {
    const nlohmann::json record{
        {"Record ID", "rec"},           {"Question", "Which " + std::to_string(n) + "?"},
        {"Correct Answer", " right\n"}, {"Incorrect Answer 1", "one"},
        {"Incorrect Answer 2", "two"},  {"Incorrect Answer 3", "three"},
        {"Explanation", "because"}};
    const Problem problem = make_problem(record, {}, "here");
    EXPECT_EQ(problem.problem.rfind("Which ", 0), 0u);
    EXPECT_NE(problem.problem.find("\n" + problem.answer + ". right\n"), std::string::npos)
        << problem.problem;
    EXPECT_EQ(make_problem(record, {}, "there").problem, problem.problem);
    EXPECT_EQ(num_choices(record.dump()), 4);
    letters.insert(problem.answer.at(0));
  }
  EXPECT_EQ(letters, (std::set<char>{'A', 'B', 'C', 'D'}));
}

TEST(Choices, ColumnsHaveManyNames) {
  const auto with = [](const std::string& fields) {
    return asked((R"({"question": "Which?", )" + fields + "}").c_str());
  };
  const std::string shown = "B Which?\n\nA. w\nB. x\nC. y";
  for (const char* fields : {R"("A": "w", "B": "x", "C": "y", "answer": "B")",
                             R"("a": "w", "b": "x", "c": "y", "answer": "b")",
                             R"("1": "w", "2": "x", "3": "y", "answer": "2")",
                             R"("option_a": "w", "option_b": "x", "option_c": "y", "answer": "B")",
                             R"("Option A": "w", "Option B": "x", "Option C": "y", "answer": "b")",
                             R"("choice1": "w", "choice2": "x", "choice3": "y", "answer": "2")",
                             R"("opt0": "w", "opt1": "x", "opt2": "y", "answer": "1")",
                             R"("choices": ["w", "x", "y"], "answer": "B. x")",
                             R"("choices": ["w", "x", "y"], "answer": "b")"})
    EXPECT_EQ(with(fields), shown) << fields;
  EXPECT_EQ(with(R"("A": "yes", "B": "no", "answer": "B")"), "B Which?\n\nA. yes\nB. no");
  // The numbers of a task are no choices.
  EXPECT_EQ(with(R"("a": 1, "b": 2, "c": 3, "answer": "6")"), "6 Which?");
  EXPECT_THROW(with(R"("choices": ["w", "x"], "answer": "B. w")"), base::InputError);
}

TEST(Choices, AllAreShown) {
  EXPECT_EQ(
      asked(
          R"({"question": "Which?", "A": "w", "B": "x", "C": "y", "D": "z", "E": "k", "answer": "E"})"),
      "E Which?\n\nA. w\nB. x\nC. y\nD. z\nE. k");
  const std::string eleven = asked(
      R"({"question": "Eleven", "options": ["a","b","c","d","e","f","g","h","i","j","k"], "answer": "B"})");
  EXPECT_EQ(eleven[0], 'B');
  EXPECT_NE(eleven.find("\nK. k"), std::string::npos);
  const std::string arc = "\n\nA. w\nB. x\nC. y\nD. z";
  EXPECT_EQ(
      asked(
          R"({"question": "q", "choices": {"text": ["w","x","y","z"], "label": ["1","2","3","4"]},
                      "answerKey": "2"})"),
      "B q" + arc);
  EXPECT_EQ(
      asked(
          R"({"question": "q", "choices": {"text": ["w","x","y","z"], "label": ["A","B","C","D"]},
                      "answerKey": "C"})"),
      "C q" + arc);
  EXPECT_EQ(
      asked(
          R"({"question": "q", "choices": [{"label": "1", "text": "w"}, {"label": "2", "text": "x"}],
                      "answerKey": "2"})"),
      "B q\n\nA. w\nB. x");
  EXPECT_EQ(
      asked(
          R"({"question": "q", "options": {"A": "w", "B": "x"}, "answer_idx": "B", "answer": "x"})"),
      "B q\n\nA. w\nB. x");
  EXPECT_EQ(asked(R"({"question": "q", "options": ["A)21", "B)22"], "correct": "B"})"),
            "B q\n\nA. 21\nB. 22");
  EXPECT_EQ(asked(R"({"question": "q", "endings": ["w", "x"], "label": "1"})"),
            "B q\n\nA. w\nB. x");
  EXPECT_EQ(num_choices(R"({"options": ["a", "b", "c"]})"), 3);
  EXPECT_EQ(num_choices(R"({"answer": "5"})"), 0);
}

TEST(Choices, WhatCannotBeReadIsRefused) {
  for (
      const char* record :
      {R"({"question": "q", "choices": ["w", "x"], "answer": "z"})",
       R"({"question": "q", "choices": ["w", "w"], "answer": "w"})",
       R"({"question": "q", "choices": ["w", "x"], "answer": "C"})",
       R"({"question": "q", "choices": ["w", "x"], "answer": 7})",
       R"({"question": "q", "choices": ["w"], "answer": "A"})",
       R"({"question": "q", "choices": {"one": "w"}, "answer": "A"})",
       R"({"question": "q", "choices": [["w"], ["x"]], "answer": "A"})",
       R"({"question": "q", "choices": ["1","2","3","4","5","6","7","8","9","10","11","12","13","14",
            "15","16","17","18","19","20","21","22","23","24","25","26","27"], "answer": "A"})"})
    EXPECT_THROW(asked(record), base::InputError) << record;
  EXPECT_EQ(asked(R"({"question": "q", "A": 3, "B": 4, "answer": "7"})"), "7 q");
}

}  // namespace r1::data
