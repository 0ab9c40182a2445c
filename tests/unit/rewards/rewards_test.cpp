#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "data/text.h"
#include "rewards/combine.h"
#include "rewards/reasoning.h"
#include "rewards/registry.h"
#include "rewards/sections.h"
#include "rewards/thread_pool.h"

namespace r1::rewards {
namespace {

constexpr double kExact = 1e-12;

RewardInput input(const std::string& completion, const std::string& answer = "",
                  const std::string& problem = "") {
  RewardInput in;
  in.completion = completion;
  in.answer = answer;
  in.problem = problem;
  return in;
}

double score(const std::string& name, const RewardOptions& options, const RewardInput& in) {
  const auto parts = find_reward(name)->make(options)->score(in).parts;
  EXPECT_EQ(parts.front().first, name);
  return parts.front().second;
}

double detail(const std::string& name, const RewardOptions& options, const RewardInput& in,
              const std::string& wanted) {
  for (const auto& [part, value] : find_reward(name)->make(options)->score(in).parts)
    if (part == name + "." + wanted) return value;
  ADD_FAILURE() << name << " has no part " << wanted;
  return -1.0;
}

RewardOptions guide_options() {
  RewardOptions options;
  options.tags = {"thinking", "", ""};
  options.quality.operators_between_operands = false;
  options.readability.guide_split = true;
  return options;
}

RewardInput guide_sample() {
  std::ifstream file(R1_SOURCE_DIR "/tests/data/rewards/guide_coldstart.jsonl");
  const auto record = nlohmann::json::parse(file);
  return input(record.at("output"), "5\\sqrt{2}", record.at("input"));
}

}  // namespace

TEST(GuideSample, SplitsByTheGuidesRules) {
  const RewardInput in = guide_sample();
  const auto sentences = data::split_at(in.completion, ".");
  std::size_t words = 0;
  for (const auto& s : sentences) words += data::split_whitespace(s).size();
  EXPECT_EQ(sentences.size(), 6u);
  EXPECT_NEAR(static_cast<double>(words) / 6.0, 18.2, 0.05);
  EXPECT_EQ(data::split_at(in.completion, "\n\n").size(), 8u);
}

TEST(GuideSample, EarnsTheGuidesScores) {
  const RewardOptions options = guide_options();
  const RewardInput in = guide_sample();
  EXPECT_EQ(detail("readability", options, in, "length"), 1.0);
  EXPECT_EQ(detail("readability", options, in, "structure"), 1.0);
  EXPECT_GE(score("response_quality", options, in), 0.8);
  EXPECT_EQ(score("correctness", options, in), 1.0);
  EXPECT_EQ(detail("consistency", options, in, "answer"), 1.0);
  EXPECT_EQ(detail("consistency", options, in, "equations"), 1.0);
}

TEST(Format, IsAnchoredAtBothEnds) {
  const RewardOptions o;
  const auto format = [&](const std::string& text) { return score("format", o, input(text)); };
  EXPECT_EQ(format("<think>a</think> <answer>7</answer>"), 1.0);
  EXPECT_EQ(format("\n<think>a\nb</think>\n<answer>7</answer>\n"), 1.0);
  EXPECT_EQ(format("<think>a</think> <answer>7</answer> done"), 0.0);
  EXPECT_EQ(format("so <think>a</think> <answer>7</answer>"), 0.0);
  EXPECT_EQ(format("<think>a</think> well <answer>7</answer>"), 0.0);
  EXPECT_EQ(format("<think>a <think>b</think></think> <answer>7</answer>"), 0.0);
  EXPECT_EQ(format("<think>a <answer>6</answer></think> <answer>7</answer>"), 0.0);
  EXPECT_EQ(format("<think>a</think> <answer>7</answer> <answer>7</answer>"), 0.0);
  EXPECT_EQ(format("<think>a</think> <answer>7<answer></answer>"), 0.0);
  EXPECT_EQ(format("<answer>7</answer> <think>a</think>"), 0.0);
  EXPECT_EQ(format("<think>a</think> <answer>7"), 0.0);
  EXPECT_EQ(format("<think></think> <answer>7</answer>"), 0.0);
  EXPECT_EQ(format("<think> \n</think> <answer>7</answer>"), 0.0);
  EXPECT_EQ(format("<think>a</think> <answer></answer>"), 0.0);
  EXPECT_EQ(format("<think>a</think> <answer>\n</answer>"), 0.0);
  EXPECT_EQ(format(""), 0.0);
}

TEST(Format, KnowsOtherTags) {
  EXPECT_EQ(score("format", guide_options(), input("<thinking>a</thinking>\n\n답: 7")), 1.0);
  EXPECT_EQ(score("format", guide_options(), input("<thinking>a</thinking>\n")), 0.0);
  EXPECT_EQ(score("format", guide_options(), input("<thinking>\n</thinking>\n답: 7")), 0.0);
}

TEST(AnswerInTag, FollowsTheBaselinesRule) {
  const RewardOptions o;
  const auto right = [&](const std::string& text, const std::string& gold) {
    return score("answer_in_tag", o, input(text, gold));
  };
  EXPECT_EQ(right("<think>x</think> <answer>7</answer>", "7"), 1.0);
  EXPECT_EQ(right("<answer>3 + 4 = 7</answer>", "7"), 1.0);
  EXPECT_EQ(right("<answer>8</answer> <answer>1,007.0</answer>", "#### 1007"), 1.0);
  EXPECT_EQ(right("<answer>8 <answer>7</answer>", "7"), 1.0);
  EXPECT_EQ(right("<answer>-7</answer>", "7"), 0.0);
  EXPECT_EQ(right("<answer>7", "7"), 0.0);
  EXPECT_EQ(right("7", "7"), 0.0);
}

TEST(Correctness, SkipsTheThinkingPartOfAnyTag) {
  RewardOptions o = guide_options();
  EXPECT_EQ(score("correctness", o, input("<thinking>답: 3</thinking> 답: 4", "4")), 1.0);
  EXPECT_EQ(score("correctness", o, input("<thinking>답: 4", "4")), 0.0);
  EXPECT_EQ(score("correctness", o, input("답: 90", "100")), 0.0);
  o.correctness.partial_credit = true;
  EXPECT_GT(score("correctness", o, input("답: 90", "100")), 0.0);
  EXPECT_LT(score("correctness", o, input("답: 99.999", "100")), 0.5);
  EXPECT_TRUE(find_reward("correctness")->make(o)->score(input("4", "")).drop);
}

TEST(ReasoningQuality, AddsUpAsTheGuideWritesIt) {
  const RewardOptions o;
  const std::string text = "<think>3 + 4 = 7\nso it is 7</think> <answer>7</answer>";
  EXPECT_NEAR(score("reasoning_quality", o, input(text)), 0.3 + 0.4 + 0.3, kExact);
  const std::string one_step = "<think>3 + 4 = 7</think> <answer>7</answer>";
  EXPECT_NEAR(score("reasoning_quality", o, input(one_step)), 0.3 + 0.2 + 0.3, kExact);
  EXPECT_EQ(score("reasoning_quality", o, input("")), 0.0);
}

TEST(Reasoning, CountsStepsByFormAndNotBySize) {
  const QualityOptions q;
  EXPECT_EQ(
      reasoning_steps("1. a\n- b\nStep 3\n단계 4\n먼저 5\nx < y\n\nsome words\nhello", q).size(),
      6u);
}

TEST(Reasoning, FlowIsTheShareOfStepsThatReuseAValue) {
  EXPECT_NEAR(logical_flow({"3 + 4 = 7", "9 = 9", "7 * 2 = 14"}, "What is 3 + 4?"), 2.0 / 3.0,
              kExact);
  EXPECT_EQ(logical_flow({}, "3"), 0.0);
}

TEST(Reasoning, HyphensAreNoOperatorsBetweenOperands) {
  QualityOptions q;
  EXPECT_FALSE(uses_operators("a well-known fact - really", q));
  EXPECT_TRUE(uses_operators("we get 5 - 3 here", q));
  EXPECT_TRUE(uses_operators("x + y", q));
  EXPECT_TRUE(uses_operators("대각선 = √50", q));
  q.operators_between_operands = false;
  EXPECT_TRUE(uses_operators("a well-known fact", q));
}

TEST(Consistency, ChecksEquationsAnswerTagsAndRepetition) {
  const RewardOptions o;
  const auto text = [](const char* thinking, const char* answer) {
    return input(std::string("<think>") + thinking + "</think> <answer>" + answer + "</answer>");
  };
  EXPECT_EQ(score("consistency", o, text("3 + 4 = 7", "7")), 1.0);
  EXPECT_EQ(detail("consistency", o, text("3 + 4 = 8", "8"), "equations"), 0.0);
  EXPECT_EQ(detail("consistency", o, text("3 + 4 = 7\nx + 5 = 10\n1/3 = 0.33", "7"), "equations"),
            1.0);
  EXPECT_EQ(detail("consistency", o, text("3 + 4 = 7", "8"), "answer"), 0.0);
  EXPECT_EQ(detail("consistency", o, input("<answer>7</answer><think>a</think>"), "tags"), 0.0);
  EXPECT_LE(detail("consistency", o, text("a b c d a b c d a b c d a b c d", "1"), "variety"), 0.5);
  EXPECT_EQ(score("consistency", o, input("")), 0.0);
}

TEST(Readability, DefaultSplitKeepsDecimalsAndDropsEmptyPieces) {
  RewardOptions o;
  const std::string sentence =
      "We take the number 3.14 and then we add one more to it.";  // 13 words
  EXPECT_EQ(detail("readability", o, input(sentence), "length"), 1.0);
  o.readability.guide_split = true;
  EXPECT_EQ(detail("readability", o, input(sentence), "length"), 0.5);
  EXPECT_NEAR(detail("readability", o, input("a\n\nb"), "structure"), 2.0 / 3.0, kExact);
}

TEST(LanguageConsistency, CountsWordsOfTheTargetOutsideMaths) {
  RewardOptions o;
  const std::string mixed = "<think>다음은 합이다 sum here $x+y$</think>";
  EXPECT_NEAR(score("language_consistency", o, input(mixed, "", "합을 구하세요")), 0.5, kExact);
  o.language.target = "en";
  EXPECT_EQ(score("language_consistency", o, input("<think>all english</think>")), 1.0);
  EXPECT_EQ(score("language_consistency", o, input("<think></think>")), 0.0);
}

TEST(LengthRewards, AreClampedBeyondTheLimit) {
  RewardOptions o;
  RewardInput in = input("4", "4");
  in.max_tokens = 1000;
  in.num_tokens = 0;
  EXPECT_NEAR(score("length", o, in), 1.0, kExact);
  in.num_tokens = 500;
  EXPECT_NEAR(score("length", o, in), 0.75, kExact);
  in.num_tokens = 3000;
  EXPECT_NEAR(score("length", o, in), 0.5, kExact);
  o.overlong.buffer_tokens = 200;
  for (const auto& [n, value] : {std::pair{800, 1.0}, {900, 0.5}, {1000, 0.0}, {1200, 0.0}}) {
    in.num_tokens = n;
    EXPECT_NEAR(score("overlong", o, in), value, kExact);
  }
}

TEST(Repetition, IsOneMinusTheRepeatedShare) {
  const RewardOptions o;
  EXPECT_EQ(score("repetition", o, input("one two three four five six")), 1.0);
  EXPECT_LT(score("repetition", o, input("go on and on go on and on go on and on")), 0.5);
}

TEST(Countdown, WantsEachNumberOnceAndTheTarget) {
  RewardOptions o;
  RewardInput in;
  in.record = R"({"numbers": [3, 5, 7, 3], "target": 42})";
  const auto with = [&](const std::string& expression) {
    in.completion = "<answer>" + expression + "</answer>";
    return score("countdown", o, in);
  };
  EXPECT_EQ(with("7 * (3 + 3)"), 0.0);
  EXPECT_EQ(with("7 * (3 + 3) + 5 - 5"), 0.0);
  EXPECT_EQ(with("5 + 7 + 3 * 3"), 0.0);
  EXPECT_EQ(with("42"), 0.0);
  o.countdown.use_all = false;
  EXPECT_EQ(with("7 * (3 + 3)"), 1.0);
  EXPECT_EQ(with("7 × (3 + 3) = 42"), 1.0);
  o.countdown.use_all = true;
  in.record = R"({"numbers": [3, 8, 8, 3], "target": 24})";
  EXPECT_EQ(with("8 / (3 - 8 / 3)"), 1.0);
}

TEST(CombinedReward, WeighsGroupsAsTheGuidesRlTwo) {
  RewardOptions o = guide_options();
  o.groups = {{"quality", 0.8}};
  o.parts = {{"correctness", 0.2, ""},
             {"response_quality", 0.4, "quality"},
             {"readability", 0.3, "quality"},
             {"consistency", 0.3, "quality"}};
  const data::Reward r = CombinedReward(o).score_one(guide_sample());
  const double expected = 0.2 * r.parts.at("correctness") +
                          0.8 * (0.4 * r.parts.at("response_quality") +
                                 0.3 * r.parts.at("readability") + 0.3 * r.parts.at("consistency"));
  EXPECT_NEAR(r.total, expected, kExact);
  EXPECT_EQ(r.reason, "ok");
  EXPECT_TRUE(r.parts.count("response_quality.flow"));
}

TEST(CombinedReward, MatchesTheArithmeticBaseline) {
  RewardOptions o;
  o.parts = {{"answer_in_tag", 0.9, ""}, {"format", 0.1, ""}};
  const CombinedReward reward(o);
  EXPECT_NEAR(reward.score_one(input("<think>3 + 4 = 7</think> <answer>7</answer>", "7")).total,
              1.0, kExact);
  EXPECT_NEAR(reward.score_one(input("so <answer>7</answer>", "7")).total, 0.9, kExact);
  EXPECT_NEAR(reward.score_one(input("<think>a</think> <answer>8</answer>", "7")).total, 0.1,
              kExact);
  EXPECT_EQ(reward.score_one(input("7", "7")).total, 0.0);
}

TEST(CombinedReward, CapsQualityOfWrongAnswers) {
  RewardOptions o;
  o.parts = {{"correctness", 0.7, ""}, {"reasoning_quality", 0.3, ""}};
  const RewardInput wrong = input("<think>3 + 4 = 7\n7 = 7</think> <answer>7</answer>", "9");
  EXPECT_NEAR(CombinedReward(o).score_one(wrong).total, 0.3, kExact);
  o.quality_cap_when_wrong = 0.05;
  EXPECT_NEAR(CombinedReward(o).score_one(wrong).total, 0.05, kExact);
}

TEST(CombinedReward, ThreadsGiveTheSameScoresInOrder) {
  RewardOptions o;
  o.parts = {{"correctness", 1.0, ""}, {"consistency", 1.0, ""}};
  std::vector<RewardInput> inputs;
  for (int i = 0; i < 200; ++i)
    inputs.push_back(
        input("<think>1 + 1 = 2</think><answer>" + std::to_string(i % 7) + "</answer>", "3"));
  const auto alone = CombinedReward(o).score(inputs);
  o.threads = 4;
  const auto together = CombinedReward(o).score(inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) EXPECT_EQ(alone[i].total, together[i].total);
}

TEST(CombinedReward, NamesAllConfigurationProblems) {
  RewardOptions o;
  o.parts = {{"correctnes", 1.0, ""}, {"format", 1.0, "nowhere"}};
  base::Problems problems;
  o.check("rewards", problems);
  ASSERT_EQ(problems.list().size(), 2u);
  EXPECT_EQ(problems.list()[0].key, "rewards.parts[0].name");
  EXPECT_THROW(CombinedReward{o}, base::ConfigError);
}

TEST(ThreadPool, RunsEachIterationOnceAndPassesExceptionsOn) {
  ThreadPool pool(3);
  std::vector<std::atomic<int>> seen(100);
  pool.run(100, [&](std::size_t i) { ++seen[i]; });
  for (const auto& n : seen) EXPECT_EQ(n.load(), 1);
  EXPECT_THROW(pool.run(10,
                        [](std::size_t i) {
                          if (i == 3) throw base::InputError("bad");
                        }),
               base::InputError);
  pool.run(5, [&](std::size_t i) { ++seen[i]; });
  EXPECT_EQ(seen[4].load(), 2);
}

}  // namespace r1::rewards
