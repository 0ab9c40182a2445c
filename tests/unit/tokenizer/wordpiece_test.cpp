// WordPiece gives the ids that transformers' BertTokenizer gave for the same texts
// (tests/data/tokenizer/make_wordpiece.py).
#include "tokenizer/wordpiece.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/errors.h"

namespace r1::tokenizer {
namespace {

using Ids = std::vector<TokenId>;

const std::string kData = std::string(R1_SOURCE_DIR) + "/tests/data/tokenizer/wordpiece/";

class WordPieceGolden : public testing::TestWithParam<const char*> {};

TEST_P(WordPieceGolden, IdsAndTruncationAreThoseOfBertTokenizer) {
  const std::string folder = kData + GetParam();
  ASSERT_TRUE(is_wordpiece_folder(folder));
  const WordPieceTokenizer tokenizer(read_wordpiece(folder));
  std::ifstream lines(folder + "/golden.jsonl");
  int count = 0, wrong = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const auto record = nlohmann::json::parse(line);
    const auto text = record.at("text").get<std::string>();
    const bool same = tokenizer.encode_sequence(text, 0) == record.at("ids").get<Ids>() &&
                      tokenizer.encode_sequence(text, 16) == record.at("first_16").get<Ids>();
    wrong += !same;
    EXPECT_TRUE(same || wrong > 5) << record.at("text").dump(-1, ' ', true) << " "
                                   << nlohmann::json(tokenizer.encode_sequence(text, 0)).dump()
                                   << " expected " << record.at("ids").dump();
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(count, 80);
}

INSTANTIATE_TEST_SUITE_P(VocabularyAndJson, WordPieceGolden, testing::Values("uncased", "cased"));

WordPieceDefinition small() {
  WordPieceDefinition definition;
  definition.vocab = {"[UNK]", "[CLS]", "[SEP]", "ab", "##c", "##cd", "!"};
  definition.added_tokens = {{"[SEP]", 2, true, false}};
  return definition;
}

TEST(WordPiece, TextOfOthersCannotEndTheSequence) {
  const WordPieceTokenizer tokenizer(small());
  EXPECT_EQ(tokenizer.encode("ab[SEP]"), (Ids{3, 2}));
  EXPECT_EQ(tokenizer.encode("ab[SEP]", false), (Ids{3, 0, 0, 0}));
}

TEST(WordPiece, TakesTheLongestPiece) {
  const WordPieceTokenizer tokenizer(small());
  EXPECT_EQ(tokenizer.encode("ABcd!"), (Ids{3, 5, 6}));
  EXPECT_EQ(tokenizer.encode("abcc abx"), (Ids{3, 4, 4, 0}));
}

TEST(WordPiece, BytesThatAreNoTextAreLeftOut) {
  EXPECT_EQ(WordPieceTokenizer(small()).encode("a\xff"
                                               "b"),
            Ids{3});
}

TEST(WordPiece, WrongFilesAreNamed) {
  auto without_sep = small();
  without_sep.vocab[2] = "x";
  without_sep.added_tokens.clear();
  EXPECT_THROW(WordPieceTokenizer{without_sep}, base::InputError);
  const auto folder = std::filesystem::temp_directory_path() / "r1-wordpiece-test";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "tokenizer.json")
      << R"({"model": {"type": "WordPiece", "vocab": {"a": -1}}})";
  try {
    read_wordpiece(folder.string());
    FAIL() << "accepted";
  } catch (const base::InputError& error) {
    EXPECT_NE(std::string(error.what()).find("tokenizer.json: token a"), std::string::npos);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace r1::tokenizer
