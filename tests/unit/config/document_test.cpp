// configs/README.md is what the code prints. R1_UPDATE_DOCUMENTS=1 writes the file anew.
#include <cstdlib>

#include "base/files.h"
#include "config/document.h"
#include "unit/config/config_support.h"

namespace r1::config {
namespace {

TEST(Document, ConfigsReadmeIsWhatTheCodePrints) {
  const std::string path = R1_SOURCE_DIR "/configs/README.md";
  if (std::getenv("R1_UPDATE_DOCUMENTS") != nullptr)
    base::write_file_atomically(path, document_options());
  EXPECT_EQ(base::read_file(path), document_options())
      << "r1mpi options > configs/README.md, or run this test with R1_UPDATE_DOCUMENTS=1";
}

TEST(Document, EveryKeyOfAListItemIsThere) {
  const std::string text = document_options();
  expect_contains(text, "## [[evaluate.suites]]");
  expect_contains(text, "| prompts_per_step | integer | `64` |");
  expect_contains(text, "## [rl.coldstart]");
}

}  // namespace
}  // namespace r1::config
