#include "data/jsonl.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/errors.h"
#include "base/files.h"
#include "data/record_reader.h"

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
  EXPECT_EQ(read_record_file(path).size(), 4u);
  EXPECT_EQ(JsonlWriter(path).lines_before(), 4);
}

}  // namespace r1::data
