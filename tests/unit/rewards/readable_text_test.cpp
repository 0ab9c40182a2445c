// Texts of a language are told apart from bytes, letters and repetitions.
#include "rewards/readable_text.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/random.h"
#include "data/json_text.h"

namespace r1::rewards {
namespace {

TEST(ReadableText, AnswersAreShortOrLongInAnyScript) {
  for (const char* text :
       {"Yes.", "Paris", "답: 12", "12", "Use kill -9 with the number of the process.",
        "Python 프로세스는 kill 명령으로 끝낼 수 있습니다.", "可以用 kill 命令结束这个进程。",
        "```python\nfor i in range(3):\n    print(i)\n```\nThis prints the numbers from 0 to 2.",
        "Le chat est sur la table et il dort."})
    EXPECT_TRUE(reads_as_language(text)) << text;
}

TEST(ReadableText, ThisProjectsRecordsAre) {
  int all = 0, readable = 0;
  for (const char* name : {"sft2_safety.jsonl", "sft2_consistency.jsonl"}) {
    std::ifstream file(R1_SOURCE_DIR "/configs/data/" + std::string(name));
    for (std::string line; std::getline(file, line); ++all) {
      const auto record = data::parse_json_or_discard(line);
      const auto output = record.value("output", std::string("none is here"));
      readable += reads_as_language(output) ? 1 : 0;
      EXPECT_TRUE(reads_as_language(output)) << output;
    }
  }
  EXPECT_GT(all, 100);
  EXPECT_EQ(readable, all);
}

TEST(ReadableText, BytesLettersAndRepetitionsAreNot) {
  for (const char* text : {"", "   ", "\x01\x02\x03 a", "xq zrt pl kkw",
                           "ttttttttttttttttttttttttttttttttt", "no no no no no no no no no no"})
    EXPECT_FALSE(reads_as_language(text)) << text;
}

/// What a model with random weights and a byte or a letter as a token writes.
TEST(ReadableText, RandomTextsAreNot) {
  const std::string letters = "abcdefghijklmnopqrstuvwxyz   ";
  int bytes = 0, words = 0;
  constexpr int kTexts = 200;
  for (std::uint64_t text = 0; text < kTexts; ++text) {
    std::string of_bytes, of_letters;
    for (std::uint64_t i = 0; i < 60; ++i) {
      const auto draw = base::derive_seed({text, i});
      of_bytes += static_cast<char>(draw % 256);
      of_letters += letters[draw % letters.size()];
    }
    bytes += reads_as_language(of_bytes) ? 1 : 0;
    words += reads_as_language(of_letters) ? 1 : 0;
  }
  EXPECT_EQ(bytes, 0);
  EXPECT_LE(words, kTexts / 20);
}

}  // namespace
}  // namespace r1::rewards
