#include <gtest/gtest.h>

#include <algorithm>

#include "base/errors.h"
#include "data/filters/filter.h"
#include "data/prepare.h"
#include "data/record_reader.h"
#include "data/text.h"

namespace r1::data {
namespace {

using Json = nlohmann::json;
constexpr double kExact = 1e-12;

}  // namespace

TEST(Text, NormalFormIgnoresCaseSignsAndWidth) {
  EXPECT_EQ(normalise_for_matching("  What IS  3+4？ "), "what is 3 4");
  EXPECT_EQ(normalise_for_matching("ＡＢＣ"), "abc");
}

TEST(Text, RepeatedShareCountsEqualNgrams) {
  EXPECT_EQ(repeated_ngram_share(split_words("a b c d"), 2), 0.0);
  EXPECT_NEAR(repeated_ngram_share(split_words("a b a b a"), 2), 0.5, kExact);
  EXPECT_EQ(split_words("数学 is").size(), 3u);
}

TEST(Text, LanguageIsJudgedByScriptWithoutMaths) {
  EXPECT_EQ(dominant_language("한 변의 길이가 5인 square"), "ko");
  EXPECT_EQ(dominant_language("これは数学です"), "ja");
  EXPECT_EQ(language_share("합은 $x+y$ `code` 입니다", "ko"), 1.0);
  EXPECT_EQ(language_share("12 34", "ko"), 1.0);
  EXPECT_EQ(find_invalid_utf8("ok \xc3\x28"), 3u);
}

TEST(Filters, AccountForEachDrop) {
  FilterChain chain;
  chain.add(drop_empty(true));
  chain.add(drop_duplicates(false));
  chain.add(drop_repetitive(2, 0.5));
  chain.add(drop_other_language("question", 0.8));
  chain.add(drop_below(
      "quality", [](const Json& r) { return r.value("score", 1.0); }, 0.8));
  const auto kept = chain.apply({{{"problem", "What is it?"}, {"output", "A thing"}},
                                 {{"problem", "what IS it"}, {"output", "a thing!"}},
                                 {{"problem", "x"}, {"output", ""}},
                                 {{"problem", "y"}, {"output", "go go go go go go"}},
                                 {{"problem", "why so"}, {"output", "그냥 그렇다"}},
                                 {{"problem", "z"}, {"output", "fine"}, {"score", 0.5}}});
  EXPECT_EQ(kept.size(), 1u);
  const Json report = chain.report().to_json();
  EXPECT_EQ(report["seen"], 6);
  EXPECT_EQ(
      report["dropped"],
      Json({{"duplicate", 1}, {"empty", 1}, {"repetition", 1}, {"language", 1}, {"quality", 1}}));
  EXPECT_EQ(report["examples"]["duplicate"][0], "what IS it");
}

TEST(Filters, TenSharedWordsAreContamination) {
  Decontaminator d;
  d.add_evaluation_text("Tom has one two three four five six seven eight nine apples today");
  d.add_evaluation_text("Short one?");
  EXPECT_TRUE(d.overlaps("Now TOM has one, two three four five six seven eight!"));
  EXPECT_FALSE(d.overlaps("Tom has one two three four five six seven pears"));
  EXPECT_TRUE(d.overlaps("short ONE"));
  EXPECT_FALSE(d.overlaps("short one more"));
}

TEST(Prepare, BringsMathAndGsm8kIntoTheGuidesForm) {
  const Json math{{"problem", "p"}, {"answer", "98"}, {"subject", "Algebra"}, {"difficulty", 5.0}};
  EXPECT_EQ(rl_record(math), Json({{"problem", "p"},
                                   {"solution", ""},
                                   {"level", "Level 5"},
                                   {"type", "Algebra"},
                                   {"answer", "98"}}));
  const Json gsm{{"question", "q"}, {"answer", "so\n#### 1,000"}};
  EXPECT_EQ(rl_record(gsm), Json({{"problem", "q"},
                                  {"solution", "so\n#### 1,000"},
                                  {"level", "elementary"},
                                  {"type", "arithmetic"},
                                  {"answer", "1,000"}}));
  EXPECT_EQ(rl_record({{"problem", "p"},
                       {"solution", "is \\boxed{\\frac{1}{2}}."},
                       {"level", "Level 1"},
                       {"type", "t"}})["answer"],
            "\\frac{1}{2}");
  for (const auto& [solution, answer] : {std::pair{"is $\\boxed 4$.", "4"},
                                         {"is \\fbox{7}, not \\boxed{8}", "8"},
                                         {"\\boxed{8}? No: \\fbox{7}.", "7"},
                                         {"$\\boxed {x+{y}}$", "x+{y}"}})
    EXPECT_EQ(rl_record({{"problem", "p"}, {"solution", solution}})["answer"], answer) << solution;
  EXPECT_TRUE(rl_record({{"problem", "p"}, {"solution", "none"}}).is_null());
}

TEST(Prepare, DropsWhatEvaluationHoldsAndWhatHasNoThinking) {
  PrepareOptions options;
  options.evaluation_texts = {"a b c d e f g h i j"};
  const auto rl = prepare(PrepareKind::Rl,
                          {{{"question", "x a b c d e f g h i j"}, {"answer", "#### 1"}},
                           {{"question", "new"}, {"answer", "#### 2"}},
                           {{"text", "?"}}},
                          options);
  ASSERT_EQ(rl.records.size(), 1u);
  EXPECT_EQ(rl.report.dropped.at("contaminated"), 1);
  EXPECT_EQ(rl.report.dropped.at("form"), 1);
  const auto cold = prepare(PrepareKind::ColdStart,
                            {{{"instruction", "i"}, {"output", "<think>t</think> 1"}},
                             {{"instruction", "j"}, {"output", "1"}}},
                            options);
  EXPECT_EQ(cold.records.size(), 1u);
  EXPECT_EQ(cold.report.dropped.at("no_thinking"), 1);
  EXPECT_THROW(prepare_kind("rl1"), base::ConfigError);
}

TEST(Prepare, ShippedSafetyAndConsistencyRecordsAllPass) {
  for (const char* name : {"sft2_safety", "sft2_consistency"}) {
    const auto raw =
        read_record_file(std::string(R1_SOURCE_DIR "/configs/data/") + name + ".jsonl");
    EXPECT_GE(raw.size(), 100u) << name;
    const auto prepared = prepare(PrepareKind::Sft2, raw, {});
    EXPECT_EQ(prepared.records.size(), raw.size()) << prepared.report.to_json().dump();
  }
}

TEST(Prepare, KeepsSystemAndEarlierTurns) {
  const auto talk = [](const char* system, const char* first) {
    return Json{{"messages",
                 {{{"role", "system"}, {"content", system}},
                  {{"role", "user"}, {"content", first}},
                  {{"role", "assistant"}, {"content", "Because."}},
                  {{"role", "user"}, {"content", "Thanks, go on"}},
                  {{"role", "assistant"}, {"content", "And so it went."}}}}};
  };
  const Json a = talk("Be kind.", "Why is the sky blue?"),
             b = talk("Be kind.", "Why do cats purr?");
  const auto made = prepare(PrepareKind::Sft1, {a, b, a}, {});
  ASSERT_EQ(made.records.size(), 2u);  // the same last turns are no duplicates
  EXPECT_EQ(made.records[0]["messages"], a["messages"]);
  EXPECT_EQ(made.report.dropped.at("duplicate"), 1);
  const auto alpaca = sft_record({{"system", "S"},
                                  {"history", Json::array({Json::array({"q1", "a1"})})},
                                  {"instruction", "q2"},
                                  {"output", "a2"}});
  ASSERT_EQ(alpaca["messages"].size(), 5u);
  EXPECT_EQ(alpaca["messages"][3]["content"], "q2");
  EXPECT_EQ(sft_record({{"messages",
                         {{{"role", "user"}, {"content", "q"}},
                          {{"role", "assistant"}, {"content", "a"}}}}}),
            Json({{"instruction", "q"}, {"input", ""}, {"output", "a"}}));
}

TEST(Prepare, ReadsVerlsRecords) {
  const Json raw{{"data_source", "openai/gsm8k"},
                 {"prompt", {{{"role", "user"}, {"content", "2 + 3?"}}}},
                 {"reward_model", {{"ground_truth", "5"}, {"style", "rule"}}}};
  const auto made = rl_record(raw);
  EXPECT_EQ(made["problem"], "2 + 3?");
  EXPECT_EQ(made["answer"], "5");
}

TEST(Prepare, KeepsWhatScorersNeed) {
  const Json code = rl_record({{"problem", "Write."},
                               {"answer", ""},
                               {"type", "code"},
                               {"tests", {{{"input", "1"}, {"output", "2"}}}}});
  ASSERT_TRUE(code.is_object());
  EXPECT_EQ(code["tests"].size(), 1u);
  const Json gym =
      rl_record({{"question", "gcd?"}, {"answer", "4"}, {"metadata", {{"source_dataset", "gcd"}}}});
  EXPECT_EQ(gym["problem"], "gcd?");
  EXPECT_EQ(gym["metadata"]["source_dataset"], "gcd");
  EXPECT_TRUE(rl_record({{"problem", "p"}, {"answer", ""}}).is_null());
}

TEST(Forms, TheTestsOfAProgramAreKept) {
  const Json human_eval{{"test", "def check(f): assert f(1) == 2"}, {"entry_point", "f"}};
  const Json apps{{"input_output", R"({"inputs": ["1"], "outputs": ["2"]})"}};
  const Json mbpp{{"test_list", {"assert f(1) == 2"}}, {"test_setup_code", "import math"}};
  for (const Json& tests : {human_eval, apps, mbpp}) {
    Json raw{{"problem", "Write f."}};
    raw.update(tests);
    Json asked{{"question", "Write f."}};
    asked.update(tests);
    Json answered{{"instruction", "Write f."}, {"output", "def f(x): return x + 1"}};
    answered.update(tests);
    for (const auto& [name, value] : tests.items()) {
      EXPECT_EQ(rl_record(raw).value(name, Json()), value) << name;
      EXPECT_EQ(rl_record(asked).value(name, Json()), value) << name;
      EXPECT_EQ(sft_record(answered).value(name, Json()), value) << name;
    }
  }
  EXPECT_TRUE(rl_record({{"problem", "Write f."}, {"entry_point", "f"}}).is_null());
}

TEST(Prepare, ConsistencyGivesEachWordingTheMajoritysResponse) {
  const auto sample = [](const char* group, const char* question, const char* output) {
    return Json{{"group", group}, {"instruction", question}, {"output", output}};
  };
  PrepareOptions options;
  options.elect = [](const std::vector<std::string>& responses) -> std::ptrdiff_t {
    for (std::size_t i = 0; i < responses.size(); ++i)
      if (std::count(responses.begin(), responses.end(), responses[i]) > 1)
        return static_cast<std::ptrdiff_t>(i);
    return -1;
  };
  const Prepared out = prepare(PrepareKind::Consistency,
                               {sample("a", "2 + 2?", "4"),
                                sample("a", "two and two?", "5"),
                                sample("a", "2 plus 2?", "4"),
                                sample("b", "x?", "1"),
                                sample("b", "what is x?", "2"),
                                {{"instruction", "no group"}}},
                               options);
  ASSERT_EQ(out.records.size(), 3u);
  for (const Json& record : out.records) EXPECT_EQ(record["output"], "4");
  EXPECT_EQ(out.report.seen, 6);
  EXPECT_EQ(out.report.dropped.at("no_majority"), 3);
}

TEST(FilterReport, NamesDropsAndBadLinesForPeople) {
  FilterReport report;
  report.seen = 4;
  report.kept = 3;
  report.dropped["duplicate"] = 1;
  report.examples["duplicate"] = {"What is\n3 + 4?"};
  report.bad_lines = {{"in.jsonl", 7, "not JSON"}};
  const std::string text = report.to_text();
  for (const char* part : {"3 of 4 records kept (75.00 %)", "duplicate: 1 (25.00 %)",
                           "What is 3 + 4?", "in.jsonl:7: not JSON"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  EXPECT_EQ(report.to_json()["bad_lines"][0]["line"], 7);
}

}  // namespace r1::data
