// Puzzle scorers: right answers of every form are accepted, texts that only look right are not.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "data/generators.h"
#include "rewards/puzzles/answer.h"
#include "rewards/puzzles/scorer.h"
#include "rewards/registry.h"
#include "support/shared_files.h"

namespace r1::rewards {
namespace {

using Json = nlohmann::json;

RewardParts reward(const std::string& completion, const Json& record,
                   const RewardOptions& options = {}) {
  RewardInput in;
  in.completion = completion;
  in.answer = record.value("answer", "");
  in.record = record.dump();
  return find_reward("puzzle")->make(options)->score(in);
}

double tagged(const std::string& answer, const Json& record) {
  return reward("<think>a</think> <answer>" + answer + "</answer>", record).parts.front().second;
}

Json task(const std::string& name, const std::string& answer, Json metadata = Json::object()) {
  metadata["source_dataset"] = name;
  return {{"question", "?"}, {"answer", answer}, {"metadata", std::move(metadata)}};
}

/// An answer by the rules for the tasks whose records hold no gold text.
std::string rule_answer(const Json& record) {
  const Json& metadata = record["metadata"];
  if (metadata.contains("possible_answer")) return metadata["possible_answer"].dump();
  if (metadata["source_dataset"] == "propositional_logic")
    return metadata["example_answer"].get<std::string>();
  return record["answer"];
}

}  // namespace

TEST(PuzzleGallery, OwnAnswersAreRight) {
  const auto gallery = test::find_shared("data/reasoning_gym_gallery.jsonl");
  if (!gallery) GTEST_SKIP() << "needs the shared gallery of puzzles (R1_SHARED)";
  const std::map<std::string, int> no_answer{{"boxnet", 3}, {"rubiks_cube", 3}, {"rush_hour", 3}};
  std::map<std::string, int> unscored;
  std::ifstream file(*gallery);
  for (std::string line; std::getline(file, line);) {
    const Json record = Json::parse(line);
    const std::string name = record["metadata"]["source_dataset"];
    const std::string answer = rule_answer(record);
    const RewardParts scored = reward("<think>a</think> <answer>" + answer + "</answer>", record);
    if (scored.reason == "unparsable_gold") {
      EXPECT_TRUE(scored.drop);
      ++unscored[name];
      continue;
    }
    EXPECT_EQ(scored.reason, "ok") << name << ": " << answer;
    // Further words do no harm where persons are named.
    const std::string around = name == "knights_knaves" ? "who knows" : "7 or something " + answer;
    EXPECT_EQ(tagged(around, record), 0.0) << name;
  }
  EXPECT_EQ(unscored, no_answer);
}

TEST(PuzzleReward, GeneratedAnswersAreRightAndOthersAreNot) {
  for (const std::string& name : data::generator_list())
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      base::RandomStream random(seed);
      const Json record = data::find_generator(name)(random);
      if (record.contains("tests")) continue;
      const std::string answer = record["answer"];
      EXPECT_EQ(tagged(answer, record), 1.0) << name << ": " << record["problem"] << answer;
      EXPECT_EQ(tagged("9" + answer, record), 0.0) << name << ": " << answer;
      EXPECT_EQ(tagged("I do not know", record), 0.0) << name;
      EXPECT_EQ(tagged("", record), 0.0) << name;
    }
}

TEST(PuzzleAnswer, IsTheLastBlockThenBoxThenPhraseThenLines) {
  const TagOptions tags;
  const auto of = [&](const std::string& text, const std::string& gold) {
    return puzzles::answer_of(text, tags, gold);
  };
  EXPECT_EQ(of("<answer>1</answer> <answer>2</answer>", "2"), "2");
  EXPECT_EQ(of("so \\boxed{\\text{nus}}.", "nus"), "nus");
  EXPECT_EQ(of("The answer is: nus\nBye.", "nus"), "nus");
  EXPECT_EQ(of("**Answer:**\n1 2\n3 4\nDone.", "1 2\n3 4"), "1 2\n3 4");
  EXPECT_EQ(of("Here:\n```\n1 2\n3 4\n```", "1 2\n3 4"), "1 2\n3 4");
  EXPECT_EQ(of("<think>the answer is 5", "5"), "");
  EXPECT_EQ(of("<think><answer>5</answer></think> no", "5"), "no");
  EXPECT_EQ(of("", "5"), "");
}

TEST(PuzzleDecimal, ToleratesWritingAndNothingElse) {
  const Json record = task("chain_sum", "1000");
  for (const char* right : {"1000", "+01,000.00", " 1000. ", "$1000$", "**1000**"})
    EXPECT_EQ(tagged(right, record), 1.0) << right;
  for (const char* wrong : {"1000 or 1001", "999 1000", "10000", "1000.1", "-1000", "1e3", "", "x"})
    EXPECT_EQ(tagged(wrong, record), 0.0) << wrong;
}

TEST(PuzzleSubstring, CreditIsOptInAndBelowARightAnswer) {
  RewardOptions options;
  const Json record = task("spell_backward", "nus");
  const std::string text = "<think>a</think> <answer>it is nus</answer>";
  EXPECT_EQ(reward(text, record, options).parts.front().second, 0.0);
  options.puzzle.substring_credit = true;
  EXPECT_NEAR(reward(text, record, options).parts.front().second, 3.0 / 9.0, 1e-12);
  EXPECT_LT(reward("<think>a</think> <answer>nus!</answer>", record, options).parts.front().second,
            0.5);
}

TEST(PuzzleFraction, MustBeInLowestTerms) {
  const Json record = task("fraction_simplification", "$\\frac{23}{131}$");
  EXPECT_EQ(tagged("23/131", record), 1.0);
  EXPECT_EQ(tagged("$\\dfrac{23}{131}$", record), 1.0);
  EXPECT_EQ(tagged("92/524", record), 0.0);
  EXPECT_EQ(tagged("23/131 = 92/524", record), 0.0);
  EXPECT_EQ(tagged("0.1755725", record), 0.0);
}

TEST(PuzzleFactors, AreTheProductInAnyOrder) {
  const Json record = task("prime_factorization", "2 × 2 × 41");
  EXPECT_EQ(tagged("41 * 2 * 2", record), 1.0);
  EXPECT_EQ(tagged("2 \\times 2 \\times 41", record), 1.0);
  EXPECT_EQ(tagged("4 × 41", record), 0.0);
  EXPECT_EQ(tagged("164", record), 0.0);
}

TEST(PuzzleProbability, SmallOnesAreNotZero) {
  const Json record = task("coin_flip", "0.0001220703125");
  EXPECT_EQ(tagged("1/8192", record), 1.0);
  EXPECT_EQ(tagged("0.000122", record), 1.0);
  EXPECT_EQ(tagged("0", record), 0.0);
}

TEST(PuzzleAssignment, NamesEachPersonOnce) {
  const Json record = task("knights_knaves", "Zoey is a fool, and Riley is a sage.",
                           {{"knight_knave_terms", {{"knight", "sage"}, {"knave", "fool"}}}});
  EXPECT_EQ(tagged("Riley is a sage, and Zoey is a fool", record), 1.0);
  EXPECT_EQ(tagged("Zoey is a fool", record), 0.0);
  EXPECT_EQ(tagged("Zoey is a sage/fool, and Riley is a sage/fool", record), 0.0);
  EXPECT_EQ(tagged("Zoey is a fool, Zoey is a sage, Riley is a sage, Riley is a fool", record),
            0.0);
}

TEST(PuzzleList, ComparesItemByItem) {
  const Json record = task("number_sorting", "['-95.0', '47.29', '48.13']");
  EXPECT_EQ(tagged("[\"-95.0\", \"47.29\", \"48.13\"]", record), 1.0);
  EXPECT_EQ(tagged("-95, 47.29, 48.13", record), 1.0);
  EXPECT_EQ(tagged("['-95.0', '47.29', '48.13', '48.13']", record), 0.0);
  EXPECT_EQ(tagged("['-95.0', '48.13', '47.29']", record), 0.0);
  EXPECT_EQ(tagged("['-95.0', '47.30', '48.13']", record), 0.0);
  EXPECT_EQ(tagged("[]", record), 0.0);
}

TEST(PuzzleSudoku, FollowsTheRulesAndKeepsTheClues) {
  const Json puzzle = {{4, 0, 0, 0}, {0, 3, 0, 0}, {0, 1, 3, 0}, {0, 0, 0, 0}};
  const Json record = task("mini_sudoku", "gold is not read", {{"puzzle", puzzle}});
  EXPECT_EQ(tagged("4 2 1 3\n1 3 4 2\n2 1 3 4\n3 4 2 1", record), 1.0);
  EXPECT_EQ(tagged("[[4,2,1,3],[1,3,4,2],[2,1,3,4],[3,4,2,1]]", record), 1.0);
  EXPECT_EQ(tagged("1 2 3 4\n3 4 1 2\n2 1 4 3\n4 3 2 1", record), 0.0);  // other clues
  EXPECT_EQ(tagged("4 3 2 1\n1 3 4 2\n2 1 3 4\n3 4 2 1", record), 0.0);
  EXPECT_EQ(tagged("4 2 1 3\n1 3 4 2\n2 1 3 4", record), 0.0);
  EXPECT_EQ(tagged("4 _ _ _\n_ 3 _ _\n_ 1 3 _\n_ _ _ _", record), 0.0);
}

TEST(PuzzleGrid, IsComparedCellByCell) {
  const Json record = task("binary_matrix", "1 0 1\n2 1 2\n1 0 1");
  EXPECT_EQ(tagged("1 0 1\n2 1 2\n1 0 1", record), 1.0);
  EXPECT_EQ(tagged("1 0 1 2 1 2 1 0 1", record), 0.0);
  EXPECT_EQ(tagged("1 0 1\n2 1 2\n1 0 1\n1 0 1", record), 0.0);
}

TEST(PuzzleRules, PlayTheMoves) {
  const Json hanoi = task("tower_of_hanoi", "",
                          {{"num_disks", 2}, {"num_pegs", 3}, {"start_peg", 1}, {"target_peg", 3}});
  EXPECT_EQ(tagged("Move disk 1 from Peg 1 to Peg 2\nMove disk 2 from Peg 1 to Peg 3\n"
                   "Move disk 1 from Peg 2 to Peg 3",
                   hanoi),
            1.0);
  EXPECT_EQ(tagged("Move disk 2 from Peg 1 to Peg 3\nMove disk 1 from Peg 1 to Peg 3", hanoi), 0.0);
  EXPECT_EQ(tagged("Move disk 1 from Peg 1 to Peg 2", hanoi), 0.0);
  const Json jugs = task("jugs", "", {{"puzzle", {{"jug_capacities", {3, 5}}, {"target", 4}}}});
  EXPECT_EQ(tagged(R"(["fill B","pour B->A","empty A","pour B->A","fill B","pour B->A"])", jugs),
            1.0);
  EXPECT_EQ(tagged(R"(["fill B"])", jugs), 0.0);
  EXPECT_EQ(tagged(R"(["fill Z"])", jugs), 0.0);
  EXPECT_EQ(tagged(R"(["pour A->A"])", jugs), 0.0);
  const Json path =
      task("shortest_path", "right right", {{"matrix", {{"*", "O", "#"}, {"O", "O", "O"}}}});
  EXPECT_EQ(tagged("right right", path), 1.0);
  EXPECT_EQ(tagged("down right right up", path), 0.0);
  EXPECT_EQ(tagged("left", path), 0.0);
}

TEST(PuzzleEntailment, WantsSomethingThatFollowsAndIsNotGiven) {
  const Json record = task("propositional_logic", "None",
                           {{"premises", {"(P → Q)", "P"}}, {"variables", {"P", "Q", "R"}}});
  EXPECT_EQ(tagged("Q", record), 1.0);
  EXPECT_EQ(tagged("(Q ∨ R)", record), 1.0);
  EXPECT_EQ(tagged("P", record), 0.0);         // a premise
  EXPECT_EQ(tagged("P → Q", record), 0.0);     // a premise without its brackets
  EXPECT_EQ(tagged("(R ∨ ¬R)", record), 0.0);  // true of anything
  EXPECT_EQ(tagged("R", record), 0.0);
  EXPECT_EQ(tagged("S", record), 0.0);
  EXPECT_EQ(tagged("(Q", record), 0.0);
  EXPECT_EQ(tagged(std::string(5000, '('), record), 0.0);
}

TEST(PuzzleCountdown, SurvivesHostileExpressions) {
  const Json record = task("countdown", "", {{"numbers", {3, 5, 7}}, {"target", 36}});
  EXPECT_EQ(tagged("(5 + 7) * 3", record), 1.0);
  EXPECT_EQ(tagged("3 \\times (5 + 7) = 36", record), 1.0);
  for (const char* wrong : {"36", "36 + 0 * (3 + 5 + 7)", "(5 + 7) * 3 + 3 - 3", "3 / (5 - 5) + 7",
                            "((((", "(5 + 7) 3", "999999999 * 999999999 * 999999999", "-", ""})
    EXPECT_EQ(tagged(wrong, record), 0.0) << wrong;
}

TEST(PuzzleReward, ReadsTheScorerOfTheRecordOrVerifiesMaths) {
  EXPECT_EQ(tagged("b a", {{"answer", "a, b"}, {"scorer", "list"}}), 0.0);
  EXPECT_EQ(tagged("a,b", {{"answer", "a, b"}, {"scorer", "list"}}), 1.0);
  EXPECT_EQ(tagged("\\frac{1}{2}", {{"answer", "0.5"}}), 1.0);
  const RewardParts unknown =
      reward("<answer>1</answer>", {{"answer", "1"}, {"scorer", "nothing"}});
  EXPECT_TRUE(unknown.drop);
  EXPECT_EQ(unknown.reason, "unparsable_gold");
}

}  // namespace r1::rewards
