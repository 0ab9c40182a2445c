// The 25 kinds of verifiable instructions (IFEval), each followed and not followed.
#include <gtest/gtest.h>

#include <set>

#include "base/errors.h"
#include "rewards/instructions/markup.h"
#include "rewards/instructions/prose.h"
#include "rewards/instructions/verifiable.h"
#include "rewards/registry.h"

namespace r1::rewards::instructions {
namespace {

using Json = nlohmann::json;

struct Case {
  const char* kind;
  const char* arguments;
  std::vector<std::string> good, bad;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> list{
      {"keywords:existence",
       R"({"keywords": ["rain", "Sun"]})",
       {"Rain follows the sun.", "sunrain"},
       {"Only rain."}},
      {"keywords:frequency",
       R"({"keyword": "go", "frequency": 2, "relation": "at least"})",
       {"Go, gone."},
       {"go"}},
      {"keywords:forbidden_words",
       R"({"forbidden_words": ["cat", "dog"]})",
       {"A category of hotdogs."},
       {"The Cat.", "a dog"}},
      {"keywords:letter_frequency",
       R"({"letter": "Q", "let_frequency": 2, "let_relation": "less than"})",
       {"Quiet", ""},
       {"quick Queen"}},
      {"language:response_language",
       R"({"language": "de"})",
       {"Das ist nicht der Weg, den wir gehen.", "123"},
       {"This is not the way that we go."}},
      {"length_constraints:number_sentences",
       R"({"num_sentences": 3, "relation": "at least"})",
       {"One. Two! Three?", "One. Two? And this is all"},
       {"Dr. Lee and e.g. Mr. J. Fox met at 3.14.", "One. Two."}},
      {"length_constraints:number_paragraphs",
       R"({"num_paragraphs": 2})",
       {"a\n***\nb", "***\na\n\n***\n\nb\n***"},
       {"a\n\nb", "a\n***\n***\nb", "a***b***c"}},
      {"length_constraints:number_words",
       R"({"num_words": 4, "relation": "less than"})",
       {"well_known it's", ""},
       {"one-two three four"}},
      {"length_constraints:nth_paragraph_first_word",
       R"({"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Then"})",
       {"First.\n\n\"Then, it rained."},
       {"First.\n\nSo then.", "Then.", "First.\n\nThen.\n\nThen."}},
      {"detectable_content:number_placeholders",
       R"({"num_placeholders": 2})",
       {"[name] lives in [city]"},
       {"[name\nand] more", "[one]"}},
      {"detectable_content:postscript",
       R"({"postscript_marker": "P.P.S"})",
       {"Dear\nP.P.S. more", "p. p. s"},
       {"P.S. more", "PPS"}},
      {"detectable_format:number_bullet_lists",
       R"({"num_bullets": 2})",
       {"* a\n  - b", "- a\n\n- b\n** no **"},
       {"* a", "- a\n- b\n- c"}},
      {"detectable_format:constrained_response",
       "null",
       {"My answer is maybe."},
       {"My answer is perhaps.", "my answer is yes."}},
      {"detectable_format:number_highlighted_sections",
       R"({"num_highlights": 2})",
       {"*a* and **b**"},
       {"**b** and ** **", "*a\nb*"}},
      {"detectable_format:multiple_sections",
       R"({"section_spliter": "Section", "num_sections": 2})",
       {"Section 1\na\nSection 2\nb"},
       {"Section 1\na\nSection two"}},
      {"detectable_format:json_format",
       "null",
       {"{\"a\": [1]}", "```json\n{\"a\": 1}\n```"},
       {"{a: 1}", "Here: {\"a\": 1}"}},
      {"detectable_format:title", "null", {"<<A song>>\nla"}, {"<<>>", "<< >>", "<<a\nb>>"}},
      {"combination:two_responses",
       "null",
       {"one\n******\ntwo", "one******two******"},
       {"one\n******\none", "one", "a******b******c", "a************b"}},
      {"combination:repeat_prompt",
       R"({"prompt_to_repeat": "Write a line."})",
       {" write a line. Here it is."},
       {"Here: Write a line."}},
      {"startend:end_checker",
       R"({"end_phrase": "Any other questions?"})",
       {"So. Any other questions?", "\"So. any OTHER questions?\" "},
       {"Any other questions? No."}},
      {"startend:quotation", "null", {" \"So.\" "}, {"\"", "\"So."}},
      {"change_case:capital_word_frequency",
       R"({"capital_frequency": 2, "capital_relation": "at least"})",
       {"I SAY so", "IT'S", "**GO** NOW!"},
       {"I Say", "123 ---"}},
      {"change_case:english_capital",
       "null",
       {"THIS IS THE END, 1!"},
       {"This is", "123", "DAS IST NICHT DER WEG"}},
      {"change_case:english_lowercase",
       "null",
       {"this is the end, 1!"},
       {"this Is", "das ist nicht der weg"}},
      {"punctuation:no_comma", "null", {"a; b，c"}, {"a, b"}}};
  return list;
}

Instruction instruction(const Case& of) {
  return read_instructions({{"instruction_id_list", {of.kind}},
                            {"kwargs", Json::array({Json::parse(of.arguments)})}})
      .front();
}

std::string error_of(const char* record) {
  try {
    read_instructions(Json::parse(record));
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "";
}

RewardParts score(const std::string& completion, const char* record) {
  RewardInput input;
  input.completion = completion;
  input.record = record;
  return find_reward("instructions")->make({})->score(input);
}

}  // namespace

TEST(Instructions, EachKindIsFollowedAndNotFollowed) {
  std::set<std::string> seen;
  for (const Case& of : cases()) {
    seen.insert(of.kind);
    for (const std::string& text : of.good)
      EXPECT_TRUE(follows(instruction(of), text)) << of.kind << ": " << text;
    for (const std::string& text : of.bad)
      EXPECT_FALSE(follows(instruction(of), text)) << of.kind << ": " << text;
  }
  const auto all = kinds();
  EXPECT_EQ(seen, std::set<std::string>(all.begin(), all.end()));
  EXPECT_EQ(all.size(), 25u);
}

TEST(Instructions, TheLooseMeasureLeavesOutLinesAndAsterisks) {
  const auto quoted = read_instructions(
      Json::parse(R"({"instruction_id_list": ["startend:quotation"], "kwargs": [{}]})"))[0];
  for (const char* text :
       {"Sure:\n\"So.\"", "\"So.\"\nIs it good?", "Sure:\n\"So.\"\nBye.", "**\"So.\"**"}) {
    EXPECT_FALSE(follows_strictly(quoted, text)) << text;
    EXPECT_TRUE(follows_loosely(quoted, text)) << text;
  }
  EXPECT_FALSE(follows_loosely(quoted, "So.\nSo."));
  const auto bare = read_instructions(
      Json::parse(R"({"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]})"))[0];
  EXPECT_FALSE(follows_strictly(bare, " \n"));
  EXPECT_FALSE(follows_loosely(bare, "a, b"));  // nothing is left without its first line
}

TEST(Instructions, WhatARecordLacksIsNamed) {
  const auto error = [](const char* record, const char* part) {
    const std::string found = error_of(record);
    EXPECT_NE(found.find(part), std::string::npos) << found;
  };
  error(R"({})", "instruction_id_list");
  error(R"({"instruction_id_list": ["a:b"], "kwargs": [{}]})", "unknown instruction 'a:b'");
  error(R"({"instruction_id_list": ["punctuation:no_comma"], "kwargs": []})", "as many objects");
  error(R"({"instruction_id_list": ["startend:end_checker"], "kwargs": [{"end_phrase": null}]})",
        "startend:end_checker: end_phrase is missing");
  error(R"({"instruction_id_list": ["length_constraints:number_words"],
            "kwargs": [{"num_words": 5, "relation": "around"}]})",
        "relation expected \"at least\" or \"less than\"");
}

TEST(Instructions, TheRewardIsTheShareThatTheAnswerFollows) {
  // As published: arguments that an instruction does not have may be null.
  const char* record = R"({"key": 1, "prompt": "?", "instruction_id_list":
      ["punctuation:no_comma", "startend:quotation"],
      "kwargs": [{"num_words": null}, {"num_words": null}]})";
  const auto half = score("<think>a, b</think>so be it", record);
  EXPECT_EQ(half.parts[0], (std::pair<std::string, double>{"instructions", 0.5}));
  EXPECT_EQ(half.reason, "wrong");
  const auto loose = score("<think>a</think><answer>Sure:\n\"so\"</answer>", record);
  EXPECT_EQ(loose.parts[0].second, 0.5);
  EXPECT_EQ(loose.parts[1], (std::pair<std::string, double>{"instructions.loose", 1.0}));
  EXPECT_EQ(score("\"so\"", record).reason, "ok");
  EXPECT_EQ(score("<think>no end", record).reason, "no_answer");
  EXPECT_TRUE(score("so", R"({"instruction_id_list": ["a:b"], "kwargs": [{}]})").drop);
}

TEST(Instructions, SentencesAndWordsAreCountedAsReadersDo) {
  EXPECT_EQ(num_sentences(""), 0);
  EXPECT_EQ(num_sentences("He said \"Stop.\" Then he left. (So it was.) Yes"), 4);
  EXPECT_EQ(num_sentences("1. First point.\n2. Second point."), 2);
  EXPECT_EQ(num_sentences("See www.example.com for v1.2.3"), 1);
  EXPECT_EQ(num_sentences("真的吗？是的。"), 2);
  EXPECT_EQ(num_words("it's 3.14, naïve 길"), 6);
  EXPECT_EQ(num_capital_words("NASA's A-B and DON'T"), 4);
}

}  // namespace r1::rewards::instructions
