// Records of every form of file, one by one, and what is said of bad ones.
#include "data/record_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/errors.h"
#include "base/files.h"

namespace r1::data {
namespace {

namespace fs = std::filesystem;

class Records : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) /
              (std::string("r1_records_") + std::to_string(::getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string file(const std::string& content, const std::string& name = "data.jsonl") const {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  /// Where a file's records begin, and of the bad ones the line.
  static std::vector<std::int64_t> lines(const std::string& path) {
    RecordReader reader(path);
    std::vector<std::int64_t> lines;
    for (nlohmann::json record; reader.next(record);) lines.push_back(reader.line());
    for (const BadLine& bad : reader.bad_lines()) lines.push_back(-bad.line);
    return lines;
  }
  /// What an error says; "" without one.
  template <class Call>
  static std::string error_of(const Call& call) {
    try {
      call();
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "";
  }
  std::string error_of_file(const std::string& path) const {
    return error_of([&] { read_record_file(path); });
  }

  fs::path folder_;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string data_file(const std::string& name) {
  return R1_SOURCE_DIR "/tests/data/records/" + name;
}

}  // namespace

TEST_F(Records, NamesEveryBadLine) {
  const std::string nul("{\"a\": \"x\0y\"}\n", 13);
  RecordLimits limits;
  limits.line_bytes = 64;
  RecordReader reader(file("{\"a\": 1}\n\nnonsense\n[1]\n{\"a\": \"\xff\"}\n" + nul + "{\"a\": \"" +
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

TEST_F(Records, RefusesDeepNestingBeforeParsing) {
  RecordReader reader(file("{\"a\": " + std::string(100000, '[') + "\n{\"a\": \"[[[\"}\n"));
  nlohmann::json record;
  EXPECT_TRUE(reader.next(record));
  EXPECT_EQ(reader.bad_lines().at(0).reason, "nested deeper than 64 levels");
}

TEST_F(Records, StopsAtTheLimitWithFileAndLine) {
  RecordLimits limits;
  limits.bad_lines = 1;
  const std::string path = file("x\n{}\ny\n");
  try {
    RecordReader reader(path, limits);
    nlohmann::json record;
    while (reader.next(record)) {
    }
    FAIL() << "no error";
  } catch (const base::InputError& error) {
    EXPECT_EQ(error.exit_code(), base::ExitCode::BadInput);
    EXPECT_NE(std::string(error.what()).find(path + ":1"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(path + ":3"), std::string::npos) << error.what();
  }
  EXPECT_THROW(RecordReader(path + ".none"), base::InputError);
}

TEST_F(Records, ReadsCsvAndTsv) {
  const auto path =
      file("id,prompt,label\n1,\"How, \"\"exactly\"\"?\nNow\",safe\n2,short\n3,x,unsafe", "a.csv");
  const auto rows = read_record_file(path);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["prompt"], "How, \"exactly\"?\nNow");
  EXPECT_EQ(rows[1]["label"], "unsafe");
  EXPECT_EQ(lines(path), (std::vector<std::int64_t>{2, 5, -4}));
  EXPECT_THROW(read_record_file(path, {.bad_lines = 0}), base::InputError);
  EXPECT_EQ(read_record_file(file("a\tb\n1,5\t2\n", "a.tsv"))[0],
            (nlohmann::json{{"a", "1,5"}, {"b", "2"}}));
  EXPECT_EQ(read_record_file(file("a, b\n1,2\n", "a.csv"))[0],
            (nlohmann::json{{"a", "1"}, {"b", "2"}}));
}

TEST_F(Records, RefusesTheColumnsOfAnotherTable) {
  EXPECT_THROW(read_record_file(file("question;answer\nx;1\n", "a.csv")), base::InputError);
  EXPECT_THROW(read_record_file(file("question,answer\nx,1\n", "a.tsv")), base::InputError);
  EXPECT_THROW(read_record_file(file("question,answer,answer\nx,1,2\n", "a.csv")),
               base::InputError);
  EXPECT_EQ(read_record_file(file("question\nx;1\n", "a.csv")).size(), 1U);
}

TEST_F(Records, ReadsJsonArraysWithTheLineOfEachElement) {
  const auto path =
      file("\n [ {\"a\": \"]},[\"},\r\n{\"a\":\n[1, {\"b\": \"\\\"\"}]} ,\n1\n]\n", "a.json");
  const auto records = read_record_file(path);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0]["a"], "]},[");
  EXPECT_EQ(records[1]["a"][1]["b"], "\"");
  EXPECT_EQ(lines(path), (std::vector<std::int64_t>{2, 3, -5}));
  EXPECT_THROW(read_record_file(path, {.bad_lines = 0}), base::InputError);
  EXPECT_TRUE(read_record_file(file("[ ]", "empty.json")).empty());
  EXPECT_EQ(read_record_file(file("\n{\"a\": 1}\n{\"a\": 2}\n", "lines.json")).size(), 2u);
}

TEST_F(Records, ReadsObjectsOfSeveralLines) {
  const auto path = file("{\n  \"a\": \"}\",\n  \"b\": {}\n}\n{\n  \"a\": 2\n}\n", "pretty.json");
  const auto records = read_record_file(path);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0]["a"], "}");
  EXPECT_EQ(records[1]["a"], 2);
  EXPECT_EQ(lines(path), (std::vector<std::int64_t>{1, 5}));
  const auto error = error_of_file(file("{\n\"a\": 1\n", "cut.json"));
  EXPECT_TRUE(contains(error, "cut.json: line 3: not JSON: the file ends inside")) << error;
}

TEST_F(Records, ReadsMathsFoldersOfNumberedObjects) {
  const auto put = [this](const std::string& name, const std::string& problem) {
    file("{\n    \"problem\": \"" + problem + "\"\n}", name);
  };
  put("MATH/train/algebra/10.json", "a");
  put("MATH/train/geometry/2.json", "b");
  put("MATH/test/algebra/1.json", "c");
  const std::string math = folder_ / "MATH";
  for (const std::string& path : {math, math + "/train"}) {
    const auto records = read_record_file(path);
    ASSERT_EQ(records.size(), 2u) << path;
    EXPECT_EQ(records[1]["problem"], "b");
  }
  EXPECT_EQ(read_record_file(math + ":test").at(0)["problem"], "c");
  put("MATH/test/geometry/notes.json", "d");
  EXPECT_THROW(read_record_file(math + "/test"), base::InputError);
}

TEST_F(Records, ADamagedArrayIsAnErrorWithItsLine) {
  for (const auto& [text, line, part] : std::vector<std::tuple<std::string, int, std::string>>{
           {"[{\"a\": 1},\n x]", 2, "not JSON: element 1: parse error"},
           {"[{\"a\": 1}\n {\"a\": 2}]", 2, "not JSON"},
           {"[{\"a\": 1},\n{\"a\": \n", 3, "the file ends inside element 1"},
           {"[{\"a\": 1},\n]", 2, "expected element 1, found ']'"},
           {"[{\"a\": 1}]\n{\"a\": 2}", 2, "behind the array"}}) {
    const auto error = error_of_file(file(text, "a.json"));
    EXPECT_TRUE(contains(error, "a.json: line " + std::to_string(line) + ": ")) << error;
    EXPECT_TRUE(contains(error, part)) << error;
  }
}

TEST_F(Records, MmlusTablesHaveNoHeader) {
  const auto rows = read_record_file(
      file("Which is even?,1,2,3,5,B\n\"Which, then?\",a,b,c,d,D\n", "mmlu_test.csv"));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0], nlohmann::json::parse(R"({"question": "Which is even?", "A": "1", "B": "2",
                                               "C": "3", "D": "5", "answer": "B"})"));
  EXPECT_EQ(rows[1]["question"], "Which, then?");
  const auto headed = read_record_file(file("id,question,A,B,C,answer\n1,q,w,x,y,B\n", "a.csv"));
  ASSERT_EQ(headed.size(), 1u);
  EXPECT_EQ(headed[0]["question"], "q");
}

TEST_F(Records, UnpacksGzipAndZstandardWhateverTheName) {
  for (const char* name : {"members.jsonl.gz", "frames.jsonl.zst"}) {
    const auto records = read_record_file(data_file(name));  // two members, two frames
    ASSERT_EQ(records.size(), 200u) << name;
    EXPECT_EQ(records[199]["answer"], "200");
    const auto bytes = base::read_file(data_file(name));
    EXPECT_EQ(read_record_file(file(bytes, "renamed")).size(), 200u);
    const auto cut = error_of_file(file(bytes.substr(0, bytes.size() - 9), "cut.jsonl"));
    EXPECT_TRUE(contains(cut, "cut.jsonl: the file ends inside its compressed data")) << cut;
    auto damaged = bytes;
    for (std::size_t i = 100; i < 130; ++i) damaged[i] = static_cast<char>(damaged[i] ^ 0x5a);
    EXPECT_TRUE(contains(error_of_file(file(damaged, "damaged.jsonl")), "damaged")) << name;
  }
  const auto error =
      error_of_file(file("\xfd"
                         "7zXZ then more",
                         "a.jsonl.xz"));
  EXPECT_TRUE(contains(error, "compressed by xz: expected")) << error;
}

#ifdef R1_HAVE_ARROW
TEST_F(Records, ReadsParquetInTheFormOfVerl) {
  RecordReader reader(data_file("verl_gsm8k.parquet"));
  nlohmann::json record;
  int rows = 0;
  for (; reader.next(record); ++rows) EXPECT_EQ(reader.line(), rows + 1);
  EXPECT_EQ(rows, 8);
  EXPECT_EQ(record["prompt"][0]["role"], "user");
  EXPECT_EQ(record["reward_model"], (nlohmann::json{{"ground_truth", "31"}, {"style", "rule"}}));
  EXPECT_EQ(record["extra_info"]["index"], 7);
}

TEST_F(Records, ReadsEveryTypeOfArrow) {
  for (const char* name : {"types.parquet", "stream.arrow", "file.arrow"}) {
    const auto rows = read_record_file(data_file(name));
    ASSERT_EQ(rows.size(), 3u) << name;
    EXPECT_EQ(rows[0], nlohmann::json::parse(R"({"truth": true, "small": -1,
        "large": 18446744073709551615, "real": 0.5, "text": "가", "large_text": "a", "coded": "x",
        "bytes": "plain", "list": [1, 2], "nested": [{"a": [1], "b": null}], "map": {"k": 1},
        "decimal": "12.50", "day": "1970-01-01"})"))
        << name;
    EXPECT_TRUE(rows[1]["bytes"].is_null()) << name;  // no text
    EXPECT_EQ(rows[1]["map"], nlohmann::json::object());
    for (const auto& [column, value] : rows[2].items()) EXPECT_TRUE(value.is_null()) << column;
  }
}

TEST_F(Records, ADamagedTableIsAnError) {
  for (const char* name : {"verl_gsm8k.parquet", "file.arrow", "stream.arrow"}) {
    const auto bytes = base::read_file(data_file(name));
    const auto error = error_of_file(file(bytes.substr(0, bytes.size() / 2), name));
    EXPECT_TRUE(contains(error, name)) << error;
  }
  const auto error = error_of_file(file("no table", "a.parquet"));
  EXPECT_TRUE(contains(error, "does not begin as a parquet file")) << error;
}
#else
TEST_F(Records, WithoutArrowATableSaysWhatToInstall) {
  const auto error = error_of_file(data_file("verl_gsm8k.parquet"));
  EXPECT_TRUE(contains(error, "pip install pyarrow")) << error;
}
#endif

TEST_F(Records, AFolderIsItsTrainingSplit) {
  const std::string row = "{\"problem\": \"";
  file(row + "a\"}\n", "set/data/train-00000-of-00002.jsonl");
  file(row + "b\"}\n", "set/data/train-00001-of-00002.jsonl");
  file(row + "c\"}\n", "set/data/test-00000-of-00001.jsonl");
  file(row + "d\"}\n", "set/data/train_sft-00000-of-00001.jsonl");
  file("{\"features\": {}}", "set/dataset_info.json");
  file("# A card", "set/README.md");
  const std::string set = folder_ / "set";
  const auto train = read_record_file(set);
  ASSERT_EQ(train.size(), 2u);
  EXPECT_EQ(train[1]["problem"], "b");
  EXPECT_EQ(read_record_file(set + ":test")[0]["problem"], "c");
  EXPECT_EQ(read_record_file(set + ":train_sft")[0]["problem"], "d");
  const auto unknown = error_of_file(set + ":valid");
  EXPECT_TRUE(contains(unknown, "there are test, train, train_sft")) << unknown;
  RecordReader reader(set);
  nlohmann::json record;
  while (reader.next(record)) {
  }
  EXPECT_EQ(reader.where(), set + "/data/train-00001-of-00002.jsonl:1");
  fs::remove(set + "/data/train-00000-of-00002.jsonl");
  const auto missing = error_of_file(set);
  EXPECT_TRUE(contains(missing, "1 of the 2 files train-*-of-00002 are there")) << missing;
}

TEST_F(Records, AFolderOfSavedSplitsOrConfigurations) {
  file("{\"a\": 1}\n", "saved/train/data-00000-of-00001.jsonl");
  file("{\"a\": 2}\n", "saved/held/data-00000-of-00001.jsonl");
  file("{\"splits\": [\"train\", \"held\"]}", "saved/dataset_dict.json");
  const std::string saved = folder_ / "saved";
  EXPECT_EQ(read_record_file(saved)[0]["a"], 1);
  EXPECT_EQ(read_record_file(saved + ":held")[0]["a"], 2);
  file("{\"a\": 3}\n", "both/main/train.jsonl");
  file("{\"a\": 4}\n", "both/socratic/train.jsonl");
  const auto several = error_of_file(folder_ / "both");
  EXPECT_TRUE(contains(several, "name one of its folders, main, socratic")) << several;
  EXPECT_EQ(read_record_file(folder_ / "both/main")[0]["a"], 3);
  fs::create_directories(folder_ / "none");
  EXPECT_TRUE(contains(error_of_file(folder_ / "none"), "no record file in this folder"));
}

/// A pipe that nobody writes to would block for ever.
TEST_F(Records, APipeIsRefused) {
  const std::string path = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_TRUE(contains(error_of_file(path), path)) << error_of_file(path);
}

TEST_F(Records, AFileOfBadRecordsAloneIsAnError) {
  const auto error = error_of_file(file("x\ny\n"));
  EXPECT_TRUE(contains(error, "none of its 2 records can be used; the first, ")) << error;
  EXPECT_TRUE(contains(error, "data.jsonl:1: not JSON")) << error;
}

}  // namespace r1::data
