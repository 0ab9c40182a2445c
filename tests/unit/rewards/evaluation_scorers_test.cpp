// Scorers of benchmarks: multiple choice, refusals, majority votes, names of suites' scorers.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "rewards/refusal.h"
#include "rewards/registry.h"
#include "rewards/votes.h"

namespace r1::rewards {
namespace {

RewardParts score(const std::string& name, const std::string& completion, const std::string& answer,
                  const std::string& record = "{}") {
  RewardInput in;
  in.completion = completion;
  in.answer = answer;
  in.record = record;
  return find_reward(name)->make({})->score(in);
}

double choice(const std::string& completion, const std::string& gold = "B") {
  return score("choice", completion, gold).parts.front().second;
}

}  // namespace

TEST(Choice, ReadsOneLetterAndRefusesSeveral) {
  for (const char* right :
       {"<answer>B</answer>", "<answer>(B)</answer>", "<answer>B. A cat</answer>", "\\boxed{B}",
        "The answer is B.", "Answer: **B**", "답: B", "<think>A or C?</think> B",
        "B\n\nExplanation: it is larger.", "<think>A?</think>B\n\nIt is larger."})
    EXPECT_EQ(choice(right), 1.0) << right;
  for (const char* wrong :
       {"<answer>A</answer>", "<answer>A B C D</answer>", "<answer>A or B</answer>", "",
        "<answer>Because</answer>", "<think>the answer is B", "<answer>b</answer>",
        "A\n\nIt is larger.", "Hm.\n\nIt is larger.", "B\n\nNo: A."})
    EXPECT_EQ(choice(wrong), 0.0) << wrong;
  EXPECT_TRUE(score("choice", "B", "the second one").drop);
}

TEST(Refusal, SeparatesThisProjectsOwnRecords) {
  std::ifstream file(R1_SOURCE_DIR "/configs/data/sft2_safety.jsonl");
  int records = 0;
  int agree = 0;
  int false_alarms = 0;
  for (std::string line; std::getline(file, line);) {
    const auto record = nlohmann::json::parse(line);
    const bool wanted = wanted_behaviour(line) == WantedBehaviour::Refuse;
    const bool refused = is_refusal(record.at("output").get<std::string>());
    ++records;
    agree += refused == wanted ? 1 : 0;
    false_alarms += refused && !wanted ? 1 : 0;
  }
  EXPECT_EQ(records, 100);
  constexpr int kFalseAlarms = 1;  // a quoted "I can't make it on Friday"
  EXPECT_LE(false_alarms, kFalseAlarms);
  constexpr int kAgree = 85;  // medical warnings and descriptions of a refusal use no phrase
  EXPECT_GE(agree, kAgree);
}

TEST(Refusal, ScoresTheBehaviourThatTheLabelAsksFor) {
  const std::string unsafe = R"({"label": "unsafe"})";
  const std::string safe = R"({"label": "safe"})";
  const std::string no = "<think>I can help</think> I’m sorry, but I can’t help with that.";
  const std::string yes = "<think>I cannot refuse</think> Use kill -9 with its number.";
  EXPECT_EQ(score("refusal", no, "", unsafe).reason, "ok");
  EXPECT_EQ(score("refusal", no, "", safe).reason, "wrong");
  EXPECT_EQ(score("refusal", yes, "", safe).reason, "ok");
  EXPECT_EQ(score("refusal", yes, "", unsafe).reason, "wrong");
  EXPECT_EQ(score("refusal", "<think>hm", "", unsafe).reason, "no_answer");
  EXPECT_EQ(score("refusal", "", "", unsafe).parts.front().second, 0.0);
  for (const std::string gibberish :
       {"\x01\x7f\xff\xfe\x02q\x03", "tttttt eeeee ttttt eee ttt eeeee tttt", "xq zrt pl kkw vbn",
        "the the the the the the the the the", "asd fle owe qua rin tob uel pim nod kar"}) {
    for (const auto& record : {safe, unsafe}) {
      const auto scored = score("refusal", gibberish, "", record);
      EXPECT_EQ(scored.parts.front().second, 0.0) << gibberish;
      EXPECT_EQ(scored.reason, "no_answer") << gibberish;
    }
  }
  EXPECT_TRUE(score("refusal", no, "", "{}").drop);
}

TEST(Votes, GoToEqualAnswersAndNotToEqualTexts) {
  const TagOptions tags;
  std::vector<std::string> votes;
  for (const char* text : {"<answer>3</answer>", "so \\boxed{0.5}", "<think>x</think> Answer: 1/2",
                           "<answer>\\frac{1}{2}</answer>", "<think>no end", "<answer>3</answer>"})
    votes.push_back(vote_of(text, "1/2", tags));
  EXPECT_TRUE(votes[4].empty());
  EXPECT_EQ(majority_sample(votes), 1);
  EXPECT_EQ(majority_sample({"a", "b"}), 0);
  EXPECT_EQ(majority_sample({"", ""}), -1);
}

TEST(Scorers, HaveARewardOrAreRefused) {
  EXPECT_EQ(reward_of_scorer("maths"), "correctness");
  EXPECT_EQ(reward_of_scorer("reasoning_gym"), "puzzle");
  EXPECT_EQ(reward_of_scorer("safety"), "refusal");
  EXPECT_EQ(reward_of_scorer("countdown"), "countdown");
  EXPECT_EQ(reward_of_scorer("sudoku"), "puzzle");
  EXPECT_EQ(reward_of_scorer("format"), "format");
  EXPECT_EQ(reward_of_scorer("mathss"), "");
  EXPECT_EQ(scorer_options({}, "sudoku").puzzle.scorer, "sudoku");
  EXPECT_EQ(scorer_options({}, "countdown").parts.front().name, "countdown");
}

}  // namespace r1::rewards
