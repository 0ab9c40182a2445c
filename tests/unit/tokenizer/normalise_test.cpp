// NFC is that of `tokenizers` 0.23 (Unicode 9), whatever version utf8proc has.
#include "tokenizer/normalise.h"

#include <gtest/gtest.h>

namespace r1::tokenizer {
namespace {

std::string nfc(std::string_view text) {
  std::string storage;
  return std::string(normalise(Normaliser::Nfc, text, storage));
}

TEST(Normalise, ComposesAndReorders) {
  EXPECT_EQ(nfc("e\u0301 \u1100\u1161\u11A8"), "\u00E9 \uAC01");
  EXPECT_EQ(nfc("a\u0301\u0323"), "\u1EA1\u0301");
  EXPECT_EQ(nfc("\u212B\uF900"), "\u00C5\u8C48");
}

TEST(Normalise, MarksAfterUnicode9StayInPlace) {
  EXPECT_EQ(nfc("a\u0301\u0898\u0323"), "\u00E1\u0898\u0323");
  EXPECT_EQ(nfc("e\u0345\u1DF6\u0334"), "e\u0345\u1DF6\u0334");
  EXPECT_EQ(nfc("\U00011935\U00011930"), "\U00011935\U00011930");
}

TEST(Normalise, AHangulSyllableDoesNotTakeTheCodePointBelowTheFinals) {
  EXPECT_EQ(nfc("\uAC00\u11A7"), "\uAC00\u11A7");
}

TEST(Normalise, NoneLeavesTheTextAlone) {
  std::string storage;
  EXPECT_EQ(normalise(Normaliser::None, "e\u0301", storage), "e\u0301");
}

}  // namespace
}  // namespace r1::tokenizer
