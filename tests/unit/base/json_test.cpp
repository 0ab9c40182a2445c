// JSON that hides something or would end the stack is refused, naming the file.
#include "base/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/errors.h"

namespace r1::base {
namespace {

void expect_refused(const std::string& text, const std::string& part) {
  try {
    parse_json(text, "some.json");
    ADD_FAILURE() << "was not refused: " << text;
  } catch (const InputError& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("some.json: ")) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(ParseJson, ReadsWhatIsRight) {
  EXPECT_EQ(parse_json(R"({"a":{"a":1},"b":[{"a":2},{"a":3}]})", "f")["b"][1]["a"], 3);
  EXPECT_EQ(parse_json(std::string(90, '[') + std::string(90, ']'), "f").size(), 1u);
}

TEST(ParseJson, RefusesSyntaxErrors) {
  expect_refused(R"({"a":)", "syntax error");
  expect_refused("", "syntax error");
  expect_refused("\"\xff\"", "UTF-8");
}

TEST(ParseJson, RefusesKeysThatComeTwice) {
  expect_refused(R"({"a":1,"b":2,"a":1})", "key 'a' comes twice");
  expect_refused(R"({"x":[{"b":2,"b":2}]})", "key 'b' comes twice");
}

/// A parser that looks through the entries at each end of one would need hours.
TEST(ParseJson, TakesTimeInProportionToItsEntries) {
  std::string text = "{";
  for (int i = 0; i < 300'000; ++i) text += fmt::format("\"tensor{}\":{{\"shape\":[1]}},", i);
  text += "\"last\":{}}";
  EXPECT_EQ(parse_json(text, "f").size(), 300'001u);
}

TEST(ParseJson, RefusesDeepNesting) {
  expect_refused(std::string(1'000'000, '['), "nested");
  expect_refused(std::string(200, '[') + std::string(200, ']'), "nested");
}

}  // namespace
}  // namespace r1::base
