// LiveCodeBench's packed texts, as CPython 3 makes them:
// base64.b64encode(zlib.compress(pickle.dumps(TEXT))).
#include "data/packed_text.h"

#include <gtest/gtest.h>

#include "base/errors.h"

namespace r1::data {
namespace {

constexpr const char* kTests =
    "eJxrYJlqwwABPRbR1UqZeQWlJUpWCkpGMXlKOgpK+aUlUAETiEBJanFJSWVBKkiouCQlM0+pNnaKHgCVcRRJ";
constexpr const char* kLong = "eJxrYJlqzMgABhE6QEbFKCAaTNEDAAgajzU=";
constexpr const char* kList = "eJxrYJnKyQABsVM0vBm9mVL1ACJhA2g=";  // [1, 2]

std::string error_of(const std::string& packed) {
  try {
    unpack_pickled_text(packed);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST(PackedText, AStringComesOutAndNothingElse) {
  EXPECT_EQ(unpack_pickled_text(kTests),
            R"J([{"input": "2\n", "output": "4\n", "testtype": "stdin"}])J");
  EXPECT_EQ(unpack_pickled_text(kLong), std::string(300, 'x'));
  EXPECT_NE(error_of(kList).find("something else than a string"), std::string::npos);
  EXPECT_NE(error_of("[]").find("not base64"), std::string::npos);
  EXPECT_NE(error_of("aGVsbG8=").find("not zlib's form"), std::string::npos);
  const std::string cut(kTests);
  EXPECT_NE(error_of(cut.substr(0, cut.size() - 16)), "");
}

}  // namespace r1::data
