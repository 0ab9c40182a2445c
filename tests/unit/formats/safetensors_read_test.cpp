// A safetensors file is read as written, and one whose header lies is refused by name.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "base/errors.h"
#include "checkpoint/formats/safetensors.h"
#include "support/temporary_folder.h"

namespace r1::checkpoint {
namespace {

std::string with_header(const std::string& header, std::size_t data_size) {
  std::string bytes(8, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, sizeof(length));
  return bytes + header + std::string(data_size, '\1');
}

class SafetensorsRead : public testing::Test {
 protected:
  SafetensorsFile open(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary) << bytes;
    return SafetensorsFile(path_);
  }
  void expect_refused(const std::string& bytes, const std::string& part) {
    SCOPED_TRACE(part);
    try {
      open(bytes);
      ADD_FAILURE() << "was not refused";
    } catch (const base::InputError& error) {
      EXPECT_NE(std::string(error.what()).find(path_), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }
  test::TemporaryFolder folder_;
  std::string path_ = folder_.path("model.safetensors");
};

TEST_F(SafetensorsRead, GivesShapesDtypesAndData) {
  const SafetensorsFile file = open(with_header(
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2,1],"data_offsets":[8,12]},)"
      R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"e":{"dtype":"U8","shape":[0,3],"data_offsets":[8,8]},)"
      R"("s":{"dtype":"I64","shape":[],"data_offsets":[12,20]}}   )",
      20));
  EXPECT_EQ(file.tensors().size(), 4u);
  EXPECT_EQ(file.tensor("b").dtype, "BF16");
  EXPECT_EQ(file.tensor("b").shape, (std::vector<std::int64_t>{2, 1}));
  EXPECT_EQ(file.tensor("b").data.data() - file.tensor("a").data.data(), 8);
  EXPECT_EQ(file.tensor("s").num_elements(), 1);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(file.find("absent"), nullptr);
  EXPECT_THROW(file.tensor("absent"), base::InputError);
}

TEST_F(SafetensorsRead, RefusesABadHeader) {
  expect_refused("1234", "at least 8 bytes");
  expect_refused(std::string(8, '\xff'), "header of at most");
  expect_refused(with_header("{\"a\":", 0), "syntax error");
  expect_refused(with_header("[1]", 0), "JSON object");
  expect_refused(with_header("{\"__metadata__\":1}", 0), "__metadata__");
  expect_refused(with_header(std::string(100000, '['), 0), "nested");
  const std::string entry = R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  expect_refused(with_header("{" + entry + "," + entry + "}", 0), "key 'a' comes twice");
}

TEST_F(SafetensorsRead, RefusesLyingEntries) {
  const auto file = [](const std::string& dtype, const std::string& shape, const std::string& at) {
    return with_header(
        R"({"w":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + at + "}}",
        8);
  };
  EXPECT_EQ(open(file("\"F32\"", "[2]", "[0,8]")).tensors().size(), 1u);
  expect_refused(file("\"F32\"", "[3]", "[0,8]"), "tensor w");
  expect_refused(file("\"F32\"", "[2]", "[0,9]"), "data_offsets");
  expect_refused(file("\"F32\"", "[2]", "[8,0]"), "data_offsets");
  expect_refused(file("\"F32\"", "[2]", "[-8,0]"), "data_offsets");
  expect_refused(file("\"F32\"", "[2]", "[0,8,8]"), "data_offsets");
  expect_refused(file("\"F32\"", "[2]", "[0,18446744073709551615]"), "data_offsets");
  expect_refused(file("\"F32\"", "[-2]", "[0,8]"), "shape");
  expect_refused(file("\"F32\"", "[2.0]", "[0,8]"), "shape");
  expect_refused(file("\"F32\"", "[4294967296,4294967296,2]", "[0,8]"), "shape");
  expect_refused(file("\"F32\"", "[0,4611686018427387904,4611686018427387904]", "[0,0]"), "shape");
  expect_refused(file("\"F32\"", "[4611686018427387904,4611686018427387904,0]", "[0,0]"), "shape");
  expect_refused(file("\"F33\"", "[2]", "[0,8]"), "dtype F33");
  expect_refused(file("7", "[2]", "[0,8]"), "dtype");
  expect_refused(with_header(R"({"w":3})", 0), "tensor w");
}

TEST_F(SafetensorsRead, RefusesOverlapsHolesAndLeftovers) {
  const std::string a = R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)";
  expect_refused(with_header(a + R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", 6),
                 "tensor b");
  expect_refused(with_header(a + R"("b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}})", 9),
                 "tensor b");
  expect_refused(with_header(a + R"("b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})", 9),
                 "8 bytes");
}

}  // namespace
}  // namespace r1::checkpoint
