#include "data/jsonl.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/errors.h"
#include "base/files.h"

namespace r1::data {
namespace {

class Jsonl : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              (std::string("r1_jsonl_") + std::to_string(::getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& content) const {
    const std::string path = folder_ / "data.jsonl";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  std::filesystem::path folder_;
};

}  // namespace

TEST_F(Jsonl, NamesEveryBadLine) {
  const std::string nul("{\"a\": \"x\0y\"}\n", 13);
  JsonlLimits limits;
  limits.line_bytes = 64;
  JsonlReader reader(file("{\"a\": 1}\n\nnonsense\n[1]\n{\"a\": \"\xff\"}\n" + nul + "{\"a\": \"" +
                          std::string(100, 'x') + "\"}\n" + std::string(60, '[') + "\n{\"a\": 2}"),
                     limits);
  nlohmann::json record;
  ASSERT_TRUE(reader.next(record));
  EXPECT_EQ(record["a"], 1);
  ASSERT_TRUE(reader.next(record));
  EXPECT_EQ(record["a"], 2);
  EXPECT_EQ(reader.line(), 9);
  EXPECT_FALSE(reader.next(record));
  const std::vector<std::pair<int, std::string>> expected{
      {3, "not JSON"}, {4, "expected an object"}, {5, "invalid UTF-8 at column 8"},
      {6, "NUL byte"}, {7, "longer than 64"},     {8, "not JSON"}};
  ASSERT_EQ(reader.bad_lines().size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(reader.bad_lines()[i].line, expected[i].first);
    EXPECT_EQ(reader.bad_lines()[i].reason.rfind(expected[i].second, 0), 0u)
        << reader.bad_lines()[i].reason;
  }
}

TEST_F(Jsonl, RefusesDeepNestingBeforeParsing) {
  JsonlReader reader(file("{\"a\": " + std::string(100000, '[') + "\n{\"a\": \"[[[\"}\n"));
  nlohmann::json record;
  EXPECT_TRUE(reader.next(record));
  EXPECT_EQ(reader.bad_lines().at(0).reason, "nested deeper than 64 levels");
}

TEST_F(Jsonl, StopsAtTheLimitWithFileAndLine) {
  JsonlLimits limits;
  limits.bad_lines = 1;
  const std::string path = file("x\n{}\ny\n");
  try {
    JsonlReader reader(path, limits);
    nlohmann::json record;
    while (reader.next(record)) {
    }
    FAIL() << "no error";
  } catch (const base::InputError& error) {
    EXPECT_EQ(error.exit_code(), base::ExitCode::BadInput);
    EXPECT_NE(std::string(error.what()).find(path + ":1"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(path + ":3"), std::string::npos) << error.what();
  }
  EXPECT_THROW(JsonlReader(path + ".none"), base::InputError);
}

TEST_F(Jsonl, WriterContinuesBehindTheLastWholeLine) {
  const std::string path = file("{\"i\":0}\n{\"i\":1}\n{\"half\":\"" + std::string(500, 'x'));
  {
    JsonlWriter writer(path);
    EXPECT_EQ(writer.lines_before(), 2);
    writer.write({{"i", 2}});
    writer.write({{"text", std::string("half \xea\xb0")}});
    writer.sync();
  }
  EXPECT_EQ(base::read_file(path).rfind("{\"i\":0}\n{\"i\":1}\n{\"i\":2}\n{\"text\":", 0), 0u);
  EXPECT_EQ(base::read_file(path).back(), '\n');  // nothing is left of the half-written line
  EXPECT_EQ(read_jsonl(path).size(), 4u);
  EXPECT_EQ(JsonlWriter(path).lines_before(), 4);
}

}  // namespace r1::data
