// JSON whose integers keep their digits.
#include "data/json_text.h"

#include <gtest/gtest.h>

#include "base/errors.h"

namespace r1::data {

TEST(JsonText, IntegersOfAnySizeKeepTheirDigits) {
  const std::string text =
      R"({"answer":1267650600228229401496703205376,"id":[-12345678901234567890123,{"x":18446744073709551615}]})";
  const auto record = parse_json<nlohmann::json>(text);
  EXPECT_EQ(dump_json(record), text);
  EXPECT_EQ(json_text(record["answer"]), "1267650600228229401496703205376");
  EXPECT_TRUE(is_json_number(record["answer"]));
  EXPECT_FALSE(record["answer"].is_string());
  EXPECT_EQ(
      dump_json(parse_json<nlohmann::ordered_json>(R"({"b":100000000000000000001,"a":"é\n"})")),
      R"({"b":100000000000000000001,"a":"é\n"})");
}

TEST(JsonText, OtherValuesAreAsTheLibraryReadsThem) {
  for (const char* text :
       {R"({"a":[1,-2,0.5,true,null,"x"],"b":{}})", "[]", "9223372036854775807"}) {
    EXPECT_EQ(parse_json<nlohmann::json>(text), nlohmann::json::parse(text));
    EXPECT_EQ(dump_json(parse_json<nlohmann::json>(text)), nlohmann::json::parse(text).dump());
  }
  EXPECT_EQ(json_text(nlohmann::json("x")), "x");
}

TEST(JsonText, ErrorsNameLineAndColumn) {
  try {
    parse_json<nlohmann::json>("[1,\n 2,\n x]");
    FAIL();
  } catch (const base::InputError& error) {
    EXPECT_NE(std::string(error.what()).find("line 3, column 2"), std::string::npos)
        << error.what();
  }
  EXPECT_THROW(parse_json<nlohmann::json>("[[[1]]]", 2), base::InputError);
  EXPECT_NO_THROW(parse_json<nlohmann::json>("[[[1]]]", 3));
  EXPECT_THROW(parse_json<nlohmann::json>("1" + std::string(400, '0')), base::InputError);
  EXPECT_TRUE(parse_json_or_discard("{").is_discarded());
}

}  // namespace r1::data
