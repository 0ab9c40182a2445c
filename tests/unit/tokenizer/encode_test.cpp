// Text becomes ids: added tokens first, then pieces, then merges in order of rank.
#include <gtest/gtest.h>

#include <thread>

#include "base/errors.h"
#include "tokenizer/tokenizer.h"
#include "unit/tokenizer/small_definition.h"

namespace r1::tokenizer {
namespace {

using Ids = std::vector<TokenId>;

class Encode : public testing::Test {
 protected:
  TokenId id(const std::string& token) const { return tokenizer_.token_id(token).value(); }
  Tokenizer tokenizer_{test::small_definition()};
};

TEST_F(Encode, MergesByRank) {
  EXPECT_EQ(tokenizer_.encode("hello"), Ids{id("hello")});
  EXPECT_EQ(tokenizer_.encode("lllo"), (Ids{id("ll"), id("l"), id("o")}));  // leftmost pair first
  EXPECT_EQ(tokenizer_.encode("hell wé"), (Ids{id("he"), id("ll"), id("Ġw"), id("Ã©")}));
  EXPECT_EQ(tokenizer_.encode(""), Ids{});
}

TEST_F(Encode, SplitsDigitsOneByOne) {
  EXPECT_EQ(tokenizer_.encode("x 12"), (Ids{'x', ' ', '1', '2'}));
}

TEST_F(Encode, FindsTheLongestAddedTokenFirst) {
  EXPECT_EQ(tokenizer_.encode("<think>!"), Ids{id("<think>!")});
  EXPECT_EQ(tokenizer_.encode("<think>?"), (Ids{id("<think>"), '?'}));
  EXPECT_EQ(tokenizer_.encode("<<|im_end|>"), (Ids{'<', id("<|im_end|>")}));
  EXPECT_EQ(tokenizer_.encode("<|im_en"), (Ids{'<', '|', 'i', 'm', '_', 'e', 'n'}));
}

TEST_F(Encode, ControlTokensCanBePlainText) {
  EXPECT_EQ(tokenizer_.encode("<|im_end|>", false).size(), 10u);
  EXPECT_EQ(tokenizer_.encode("<think>", false), Ids{id("<think>")});
}

TEST_F(Encode, InvalidBytesAreReplaced) {
  EXPECT_EQ(tokenizer_.encode("a\xff"), tokenizer_.encode("a\xEF\xBF\xBD"));
  EXPECT_EQ(tokenizer_.encode(std::string("a\0b", 3)), (Ids{'a', 0, 'b'}));
}

TEST_F(Encode, NfcBeforeSplitting) {
  Definition definition = test::small_definition();
  definition.normaliser = Normaliser::Nfc;
  EXPECT_EQ(Tokenizer(definition).encode("e\xCC\x81"), Ids{id("Ã©")});
  EXPECT_EQ(tokenizer_.encode("e\xCC\x81").size(), 3u);
}

TEST_F(Encode, IgnoreMergesTakesWholeWords) {
  Definition definition = test::small_definition();
  definition.vocab.push_back("xyz");
  const auto xyz = static_cast<TokenId>(definition.vocab.size() - 1);
  definition.added_tokens.clear();
  EXPECT_EQ(Tokenizer(definition).encode("xyz"), (Ids{'x', 'y', 'z'}));
  definition.ignore_merges = true;
  EXPECT_EQ(Tokenizer(definition).encode("xyz"), Ids{xyz});
}

// As tokenizers 0.23: its text need not be in the normal form that texts are brought to.
TEST_F(Encode, NormalizedAddedTokensAreFoundInNormalForm) {
  Definition definition = test::small_definition();
  definition.normaliser = Normaliser::Nfc;
  const TokenId id = 400;
  definition.added_tokens.push_back({"cafe\xCC\x81s", id, false, true});
  const Tokenizer composing(definition);
  EXPECT_EQ(composing.encode("cafe\xCC\x81s"), Ids{id});
  EXPECT_EQ(composing.encode("caf\xC3\xA9s"), Ids{id});
  definition.added_tokens.back().normalized = false;
  EXPECT_EQ(Tokenizer(definition).encode("cafe\xCC\x81s"), Ids{id});
  EXPECT_NE(Tokenizer(definition).encode("caf\xC3\xA9s"), Ids{id});
}

TEST_F(Encode, LongWordsTakeNoQuadraticTime) {
  const std::string word(1 << 20, 'l');
  EXPECT_EQ(tokenizer_.encode(word).size(), word.size() / 2);
  EXPECT_EQ(tokenizer_.encode(std::string(1 << 20, ' ')).size(), std::size_t{1} << 20);
}

TEST_F(Encode, ThreadsShareATokenizer) {
  const std::string text = "hello world 12 hello <think> lllo";
  const Ids expected = tokenizer_.encode(text);
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (std::size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) wrong[t] += tokenizer_.encode(text) != expected;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST_F(Encode, RefusesWrongDefinitions) {
  Definition merge = test::small_definition();
  merge.merges.emplace_back("zz", "top");
  EXPECT_THROW(Tokenizer{merge}, base::InputError);
  Definition pattern = test::small_definition();
  pattern.split_patterns = {"(unclosed"};
  EXPECT_THROW(Tokenizer{pattern}, base::InputError);
  Definition added = test::small_definition();
  added.added_tokens[0].id = 2'000'000'000;
  EXPECT_THROW(Tokenizer{added}, base::InputError);
}

TEST_F(Encode, FingerprintTellsTokenizersApart) {
  EXPECT_EQ(tokenizer_.fingerprint(), Tokenizer(test::small_definition()).fingerprint());
  EXPECT_EQ(tokenizer_.fingerprint().size(), 16u);
  Definition other = test::small_definition();
  std::swap(other.merges[0], other.merges[1]);
  EXPECT_NE(tokenizer_.fingerprint(), Tokenizer(other).fingerprint());
  Definition plain = test::small_definition();
  plain.added_tokens[0].special = false;
  EXPECT_NE(tokenizer_.fingerprint(), Tokenizer(plain).fingerprint());
}

}  // namespace
}  // namespace r1::tokenizer
