#include "rewards/maths/verify.h"

#include <gtest/gtest.h>

#include <array>
#include <cctype>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "rewards/maths/evaluate.h"
#include "rewards/maths/parse.h"
#include "support/shared_files.h"

namespace r1::rewards::maths {
namespace {

constexpr const char* kNoShared = "needs the shared data (R1_SHARED)";

/// Share of verdicts of a file of {gold, pred, expected} that agree; prints the others.
double agreement(const std::string& path, bool print) {
  std::ifstream file(path);
  std::string line;
  int right = 0;
  int all = 0;
  while (std::getline(file, line)) {
    const auto record = nlohmann::json::parse(line);
    if (record.value("contested", false)) continue;
    const Verdict verdict =
        verify(record.at("gold").get<std::string>(), record.at("pred").get<std::string>());
    const auto& expected = record.at("expected");
    const bool want = expected.is_string() ? expected == "1" : expected.get<int>() == 1;
    ++all;
    if ((verdict.score > 0.5) == want) {
      ++right;
    } else if (print) {
      std::printf("  want %d got %s rule %s [%s] gold [%s]\n", want, verdict.reason.c_str(),
                  verdict.rule.c_str(), verdict.candidate.substr(0, 120).c_str(),
                  record.at("gold").get<std::string>().substr(0, 100).c_str());
    }
  }
  return all == 0 ? 0.0 : static_cast<double>(right) / all;
}

struct Pair {
  const char* gold;
  const char* prediction;
};

}  // namespace

TEST(MathsVerify, AcceptsTheSameAnswerInAnotherForm) {
  for (const auto& [gold, prediction] :
       std::initializer_list<Pair>{{"18", "so she makes 9 * 2 = $18 every day.\n#### 18"},
                                   {"#### 1,234", "The answer is 1234."},
                                   {"1500", "\\boxed{1.5 \\times 10^3}"},
                                   {"0.5", "\\boxed{\\frac12}"},
                                   {"1/3", "$\\frac1{3}$"},
                                   {"\\frac{7}{2}", "\\boxed{3\\frac{1}{2}}"},
                                   {"3.5", "3 1/2"},
                                   {"28\\%", "28 percent"},
                                   {"0.335", "33.5\\%"},
                                   {"\\$10", "10"},
                                   {"10\\text{ cm}", "10"},
                                   {"5\\sqrt{2}", "따라서 대각선 = √50 = 5√2 ≈ 7.07\n\n답: 5√2"},
                                   {"\\sqrt{50}", "5√2"},
                                   {"2\\pi", "<answer>π*2</answer>"},
                                   {"(1,\\frac{9}{2})", "\\boxed{(1, 4.5)}"},
                                   {"\\{1,2,3\\}", "\\boxed{3, 1, 2}"},
                                   {"2,-3", "\\boxed{-3} and \\boxed{2}"},
                                   {"x=4", "x = 2 + 2 = 4"},
                                   {"\\text{odd}", "odd"},
                                   {"C", "I think the correct answer is C"},
                                   {"1/2004!", "\\boxed{\\frac{1}{2004!}}"},
                                   {"-8192", "the result is -8,192."},
                                   {"x^2-1", "\\boxed{(x-1)(x+1)}"},
                                   {"[0,1)", "0 \\le x < 1"},
                                   {"72", "\\boxed{seventy-two}"},
                                   {"\\text{Seventy-two}", "72"},
                                   {"72", "seventy two"},
                                   {"72", "\\boxed{seventy-two dollars}"},
                                   {"1205", "\\boxed{one thousand two hundred and five}"},
                                   {"120", "\\boxed{C(10,3)}"},
                                   {"C(10, 3)", "\\binom{10}{3}"},
                                   {"120", "\\boxed{\\mathrm{C}(10,3)}"},
                                   {"120", "\\boxed{_{10}C_3}"},
                                   {"120", "\\boxed{{}^{10}C_{3}}"}}) {
    const Verdict verdict = verify(gold, prediction);
    EXPECT_EQ(verdict.answer, Answer::Equal)
        << gold << " | " << prediction << " | " << verdict.candidate << " | " << verdict.reason;
  }
}

TEST(MathsVerify, ReadsNumbersHoweverTheyAreWritten) {
  const std::vector<std::array<const char*, 2>> pairs{{"-7", "minus 7"},
                                                      {"-12", "negative twelve"},
                                                      {"1000000", "1'000'000"},
                                                      {"1000000", "1_000_000"},
                                                      {"12", "⑫"},
                                                      {"3", "❸"},
                                                      {"42", "٤٢"},
                                                      {"42", "४२"},
                                                      {"2/3", "two thirds"},
                                                      {"0.25", "a quarter"},
                                                      {"2.5", "two and a half"},
                                                      {"6", "half a dozen"}};
  for (const auto& [gold, written] : pairs) EXPECT_EQ(verify(gold, written).score, 1.0) << written;
  EXPECT_LT(verify("20/3", "twenty-third").score, 1.0);
  EXPECT_LT(verify("7", "minus 7").score, 1.0);
  for (const char* sum : {"9 minus 2 is what we want", "we want 9 minus 2 of them"})
    EXPECT_LT(verify("-2", sum).score, 1.0) << sum;
}

TEST(MathsVerify, RefusesWhatIsNotTheSame) {
  for (const auto& [gold, prediction] :
       std::initializer_list<Pair>{{"5", "5.001"},
                                   {"100000000000", "99999999999"},
                                   {"100000000001000000000", "100000000000000000000"},
                                   {"1/2004!", "\\boxed{1/2006!}"},
                                   {"12", "(1,2)"},
                                   {"(0,9)", "[0,9)"},
                                   {"1,2,3", "1, 2"},
                                   {"\\pm 2021", "2021"},
                                   {"x=1,y=2", "x=2,y=1"},
                                   {"\\frac{1}{23}", "\\boxed{\\frac{12}{3}}"},
                                   {"1.5", "15"},
                                   {"0", "0.0000001"},
                                   {"a+3z=0", "0"},
                                   {"x > 5", "x < 5"},
                                   {"72", "\\boxed{seventy}"},
                                   {"72", "\\boxed{seventy-three}"},
                                   {"72", "\\boxed{not seventy-two}"},
                                   {"9", "\\boxed{seven and two}"},
                                   {"2", "\\boxed{two thirds}"},
                                   {"8", "\\boxed{ten-two}"},
                                   {"120", "\\boxed{C(10,4)}"},
                                   {"1", "\\boxed{C(3,10)}"},
                                   {"C(4,3)", "\\boxed{(3,4)}"},
                                   {"0", "().__class__.__base__.__subclasses__()"}}) {
    EXPECT_NE(verify(gold, prediction).answer, Answer::Equal) << gold << " | " << prediction;
  }
}

TEST(MathsVerify, GivesAReasonForEachVerdict) {
  EXPECT_EQ(verify("4", "4").reason, "ok");
  EXPECT_EQ(verify("4", "5").reason, "wrong");
  EXPECT_EQ(verify("4", "").reason, "no_answer");
  EXPECT_EQ(verify("4", "<think>it is 4").reason, "no_answer");
  EXPECT_EQ(verify("4", "\\boxed{\\foo{4}}").reason, "unparsable_answer");
  EXPECT_EQ(verify("", "4").reason, "unparsable_gold");
  EXPECT_EQ(verify("1", "\\boxed{2^{2^{2^{49}}}}").reason, "limit");
}

TEST(MathsVerify, SurvivesHostileText) {
  const std::string deep(20000, '(');
  EXPECT_NE(verify("1", "\\boxed{" + deep + "1" + std::string(20000, ')') + "}").answer,
            Answer::Equal);
  EXPECT_NE(verify("1", "\\boxed{5^(5^(5^5))}").answer, Answer::Equal);
  EXPECT_NE(verify("1", std::string(100000, '$')).answer, Answer::Equal);
  std::string many;
  for (int i = 0; i < 20000; ++i) many += "\\boxed{";
  EXPECT_NE(verify("1", many).answer, Answer::Equal);
  EXPECT_NE(verify("1", "\\boxed{\xff\xfe 1\x01}").answer, Answer::Equal);
}

TEST(MathsVerify, PartialCreditIsMonotoneAndBelowHalf) {
  const double far = partial_score("100", "50");
  const double near = partial_score("100", "90");
  const double nearer = partial_score("100", "99");
  EXPECT_LT(far, near);
  EXPECT_LT(near, nearer);
  EXPECT_LT(nearer, 0.5);
  EXPECT_LT(partial_score("\\{1,2,3\\}", "\\boxed{1}"),
            partial_score("\\{1,2,3\\}", "\\boxed{1,2}"));
  EXPECT_EQ(partial_score("100", "no idea"), 0.0);
}

TEST(MathsVerify, AgreesWithAllGsm8kVerdicts) {
  const auto path = test::find_shared("data/gsm8k_solution_verdicts.jsonl");
  if (!path) GTEST_SKIP() << kNoShared;
  EXPECT_EQ(agreement(*path, true), 1.0);
}

TEST(MathsVerify, AgreesWithMostVerifierCases) {
  const auto path = test::find_shared("data/math_verify_cases.jsonl");
  if (!path) GTEST_SKIP() << kNoShared;
  constexpr double kBar = 0.97;
  const double share = agreement(*path, true);
  std::printf("math_verify_cases: %.1f %% agree\n", 100.0 * share);
  EXPECT_GE(share, kBar);
}

namespace {

/// The same answer spaced, with \\dfrac, and with its fractions of integers that end as decimals.
std::vector<std::string> variants(const std::string& gold) {
  std::string spaced;
  for (std::size_t k = 0; k < gold.size(); ++k) {
    const bool sign = std::string("+-=(),").find(gold[k]) != std::string::npos;
    const bool escaped = k > 0 && gold[k - 1] == '\\';
    const bool digits = gold[k] == ',' && k + 1 < gold.size() && std::isdigit(gold[k + 1]) != 0;
    spaced += sign && !escaped && !digits ? std::string{' ', gold[k], ' '} : std::string{gold[k]};
  }
  std::string display = gold;
  for (std::size_t at = 0; (at = display.find("\\frac", at)) != std::string::npos; at += 6)
    display.insert(at + 1, "d");
  return {spaced, display};
}

void expect_equal_to_variants(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    const auto answer = nlohmann::json::parse(line).at("answer");
    if (!answer.is_string() || answer.get<std::string>().empty()) continue;
    const auto gold = answer.get<std::string>();
    EXPECT_EQ(verify(gold, "\\boxed{" + gold + "}").answer, Answer::Equal) << gold;
    for (const std::string& variant : variants(gold))
      EXPECT_EQ(verify(gold, "\\boxed{" + variant + "}").answer, Answer::Equal)
          << gold << " | " << variant;
    const auto parsed = parse(gold);
    if (!parsed.node || !is_integer_fraction(*parsed.node)) continue;
    const Value value = evaluate(*parsed.node, {}, Limits{});
    std::array<char, 64> digits{};
    std::snprintf(digits.data(), digits.size(), "%.20f", value.number.real());
    EXPECT_EQ(verify(gold, digits.data()).answer, Answer::Equal) << gold;
  }
}

}  // namespace

TEST(MathsVerify, GoldAnswersEqualThemselvesRewritten) {
  for (const char* name : {"data/math_train_7473.jsonl", "data/math500_test.jsonl"}) {
    const auto path = test::find_shared(name);
    if (!path) GTEST_SKIP() << kNoShared;
    expect_equal_to_variants(*path);
  }
}

}  // namespace r1::rewards::maths
