// CSV as Python's csv module reads it.
#include "data/csv.h"

#include <gtest/gtest.h>

#include <sstream>

namespace r1::data {
namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows rows_of(const std::string& text) {
  std::stringbuf source(text);
  CsvReader reader(source);
  Rows rows;
  std::vector<std::string> fields;
  for (bool open = false; reader.next(fields, open);) {
    if (open) fields = {"open"};
    rows.push_back(fields);
  }
  return rows;
}

}  // namespace

TEST(Csv, AQuoteCountsOnlyWhereAFieldBegins) {
  EXPECT_EQ(rows_of("A 12\" pipe is cut.,6\nx,2\n"),
            (Rows{{"A 12\" pipe is cut.", "6"}, {"x", "2"}}));
  EXPECT_EQ(rows_of("the word \"cat\"?,3\n"), (Rows{{"the word \"cat\"?", "3"}}));
  EXPECT_EQ(rows_of("\"a,\"\"b\"\"\nc\",2"), (Rows{{"a,\"b\"\nc", "2"}}));
  EXPECT_EQ(rows_of("\"a\"b,c\"d\"\n"), (Rows{{"ab", "c\"d\""}}));
  EXPECT_EQ(rows_of(" \"a\",b\n"), (Rows{{" \"a\"", "b"}}));
  EXPECT_EQ(rows_of("\"\",\"\"\n,\n"), (Rows{{"", ""}, {"", ""}}));
  EXPECT_EQ(rows_of("5'10\" tall,\"6'\"\n"), (Rows{{"5'10\" tall", "6'"}}));
}

TEST(Csv, LinesEndInLfCrlfOrCr) {
  const Rows expected{{"a", "b"}, {"c", "d"}};
  for (const char* text : {"a,b\nc,d\n", "a,b\r\nc,d\r\n", "a,b\rc,d\r", "a,b\rc,d",
                           "\xEF\xBB\xBF"
                           "a,b\nc,d"})
    EXPECT_EQ(rows_of(text), expected);
}

TEST(Csv, AnOpenQuoteCostsItsLineAlone) {
  EXPECT_EQ(rows_of("a,b\n\"open,1\nc,d\n"), (Rows{{"a", "b"}, {"open"}, {"c", "d"}}));
  const std::string text = "a\n\"x\ny\"\nb\n";
  std::stringbuf source(text);
  CsvReader reader(source);
  std::vector<std::string> fields;
  bool open = false;
  for (const std::int64_t line : {1, 2, 4}) {
    ASSERT_TRUE(reader.next(fields, open));
    EXPECT_EQ(reader.line(), line);
  }
}

}  // namespace r1::data
