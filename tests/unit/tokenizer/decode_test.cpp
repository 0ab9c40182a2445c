// Ids become text again; a stream never gives out half a character.
#include <gtest/gtest.h>

#include "tokenizer/stream_decoder.h"
#include "tokenizer/utf8.h"
#include "unit/tokenizer/small_definition.h"

namespace r1::tokenizer {
namespace {

using Ids = std::vector<TokenId>;

class Decode : public testing::Test {
 protected:
  std::string stream(const Ids& ids, std::vector<std::string>* parts = nullptr) const {
    StreamDecoder decoder(tokenizer_);
    std::string all;
    for (const TokenId id : ids) {
      const std::string part = decoder.push(id);
      EXPECT_TRUE(is_valid_utf8(part));
      if (parts != nullptr) parts->push_back(part);
      all += part;
    }
    return all + decoder.finish();
  }
  Tokenizer tokenizer_{test::small_definition()};
};

TEST_F(Decode, InvertsEncode) {
  for (const std::string text : {"hello <think> 안녕 😀\n\n12", "", "naïve café", "<|im_end|>"})
    EXPECT_EQ(tokenizer_.decode(tokenizer_.encode(text), false), text);
}

TEST_F(Decode, LeavesOutSpecialTokens) {
  const Ids ids = tokenizer_.encode("<|im_start|>hello<think><|im_end|>");
  EXPECT_EQ(tokenizer_.decode(ids), "hello<think>");
  EXPECT_EQ(tokenizer_.decode(Ids{'a', -1, 1'000'000, 'b'}), "ab");
}

TEST_F(Decode, ReplacesWhatIsNoCharacter) {
  EXPECT_EQ(tokenizer_.decode(Ids{0xE2, 0x82}), "\uFFFD");  // one cut character
  EXPECT_EQ(tokenizer_.decode(Ids{0xFF, 'a', 0xC3}), "\uFFFDa\uFFFD");
  EXPECT_EQ(tokenizer_.decode(Ids{0xED, 0xA0, 0x80}), "\uFFFD\uFFFD\uFFFD");  // a surrogate
}

TEST_F(Decode, StreamHoldsUnfinishedCharacters) {
  std::vector<std::string> parts;
  EXPECT_EQ(stream({'a', 0xF0, 0x9F, 0x98, 0x80, 'b'}, &parts), "a😀b");
  EXPECT_EQ(parts, (std::vector<std::string>{"a", "", "", "", "😀", "b"}));
  EXPECT_EQ(stream({'a', 0xF0, 0x9F}), "a\uFFFD");
}

TEST_F(Decode, StreamEqualsDecodeForAnyBytes) {
  std::uint32_t state = 1;
  for (int round = 0; round < 500; ++round) {
    Ids ids;
    for (int i = 0; i < 12; ++i) {
      state = state * 1664525u + 1013904223u;
      const std::uint32_t pick = state >> 16;
      ids.push_back(static_cast<TokenId>(pick % 3 == 0 ? pick % 128 : 128 + pick % 138));
    }
    EXPECT_EQ(stream(ids), tokenizer_.decode(ids));
  }
}

}  // namespace
}  // namespace r1::tokenizer
