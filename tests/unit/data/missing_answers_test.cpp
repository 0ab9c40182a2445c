// Problems whose answers stand in a field that nobody reads are named.
#include "data/missing_answers.h"

#include <gtest/gtest.h>

namespace r1::data {

TEST(MissingAnswers, TheFirstIsNamedWithItsFields) {
  const DataOptions options;
  const auto problem = [&](const char* record, const char* where) {
    return make_problem(nlohmann::json::parse(record), options, where);
  };
  const auto right = problem(R"({"problem": "1+1?", "answer": "2"})", "a.jsonl:1");
  const auto wrong = problem(R"({"problem": "2+1?", "ground_truth": "3"})", "a.jsonl:2");
  EXPECT_EQ(find_missing_answers({right, right}, options).number, 0);
  const auto found = find_missing_answers({right, wrong, wrong}, options);
  EXPECT_EQ(found.number, 2);
  EXPECT_EQ(found.message,
            "2 of 3 problems have no gold answer: expected one of the fields answer, solution, "
            "output, reward_model.ground_truth (data.answer_fields); the first, a.jsonl:2, has the "
            "fields "
            "ground_truth, problem: set data.answer_fields = [\"ground_truth\"]");
}

}  // namespace r1::data
