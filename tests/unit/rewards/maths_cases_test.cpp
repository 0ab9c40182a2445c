// The verdicts of tests/data/rewards/maths_cases.jsonl: each form of an answer, right and wrong,
// and what someone would write who wants a wrong answer to pass.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "rewards/maths/verify.h"

namespace r1::rewards::maths {

TEST(MathsCases, EachHasItsVerdict) {
  std::ifstream file(R1_SOURCE_DIR "/tests/data/rewards/maths_cases.jsonl");
  ASSERT_TRUE(file.good());
  std::string line;
  std::map<std::string, int> cases;
  while (std::getline(file, line)) {
    const auto record = nlohmann::json::parse(line);
    const auto gold = record.at("gold").get<std::string>();
    const auto prediction = record.at("pred").get<std::string>();
    const Verdict verdict = verify(gold, prediction);
    EXPECT_EQ(verdict.answer == Answer::Equal, record.at("verdict") == "equal")
        << record.at("note") << ": " << gold.substr(0, 100) << " | " << prediction.substr(0, 100)
        << " | " << verdict.rule << " | " << verdict.candidate.substr(0, 100) << " | "
        << verdict.reason;
    ++cases[record.at("note").get<std::string>()];
  }
  constexpr std::size_t kForms = 20;
  EXPECT_GE(cases.size(), kForms);
}

}  // namespace r1::rewards::maths
