// Text is cut into pieces as each known tokenizer cuts it.
#include "tokenizer/pre_tokenizer.h"

#include <gtest/gtest.h>

#include "tokenizer/definition.h"

namespace r1::tokenizer {
namespace {

using Pieces = std::vector<std::string_view>;

Pieces split(const std::string& kind, std::string_view text) {
  PreTokenizer::Workspace workspace;
  return PreTokenizer(known_split_patterns(kind)).split(text, workspace);
}

TEST(PreTokenizer, Gpt2) {
  EXPECT_EQ(split("gpt-2", "I'll  pay 1234$!"), (Pieces{"I", "'ll", " ", " pay", " 1234", "$!"}));
}

TEST(PreTokenizer, SmolLmSplitsDigitsBeforeGpt2) {
  EXPECT_EQ(split("smollm", "a  12½"), (Pieces{"a", "  ", "1", "2", "½"}));
}

TEST(PreTokenizer, Qwen2) {
  EXPECT_EQ(split("qwen2", "(Ab) 12\n\n x  y"),
            (Pieces{"(Ab", ")", " ", "1", "2", "\n\n", " x", " ", " y"}));
  EXPECT_EQ(split("qwen2", "WE'LL"), (Pieces{"WE", "'LL"}));
}

TEST(PreTokenizer, Llama3TakesThreeDigits) {
  EXPECT_EQ(split("llama-bpe", "12345 x"), (Pieces{"123", "45", " x"}));
}

TEST(PreTokenizer, DeepSeekSplitsDigitsThenIdeographsThenWords) {
  EXPECT_EQ(split("deepseek-v3", "a1234我想x"), (Pieces{"a", "123", "4", "我想", "x"}));
  EXPECT_EQ(split("deepseek-v3", "안녕 .py"), (Pieces{"안녕", " .", "py"}));
}

TEST(PreTokenizer, PiecesJoinToTheText) {
  const std::string text = "x\u180E \u3000\u0085 ㄱ\r\n\t12\u00BD😀!";
  for (const char* kind : {"gpt-2", "smollm", "qwen2", "llama-bpe", "deepseek-v3"}) {
    PreTokenizer::Workspace workspace;
    std::string joined;
    for (const auto piece : PreTokenizer(known_split_patterns(kind)).split(text, workspace))
      joined += piece;
    EXPECT_EQ(joined, text) << kind;
  }
}

TEST(PreTokenizer, MongolianVowelSeparatorIsNoSpace) {
  EXPECT_EQ(split("gpt-2", " \u180Ey"), (Pieces{" \u180E", "y"}));
  EXPECT_EQ(split("gpt-2", " \u3000y"), (Pieces{" ", "\u3000", "y"}));
  EXPECT_EQ(split("gpt-2", "a\u3000"), (Pieces{"a", "\u3000"}));
}

// As `tokenizers` 0.23 splits; PCRE2 10.42 by itself takes these for unassigned code points.
TEST(PreTokenizer, ClassesAreThoseOfUnicode16) {
  EXPECT_EQ(split("qwen2", " \U00013460\U00016100"), (Pieces{" \U00013460\U00016100"}));  // letters
  EXPECT_EQ(split("qwen2", "\U00010D40\U0001E5F1"),
            (Pieces{"\U00010D40", "\U0001E5F1"}));                                      // digits
  EXPECT_EQ(split("deepseek-v3", " \u2FFC\U0001FAE8"), (Pieces{" \u2FFC\U0001FAE8"}));  // symbols
  EXPECT_EQ(split("deepseek-v3", "a\u0897 \U00010D6E"), (Pieces{"a\u0897", " \U00010D6E"}));
}

}  // namespace
}  // namespace r1::tokenizer
