// Reading a big file tensor by tensor keeps no more of it in memory than one tensor.
#include "checkpoint/formats/mapped_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "support/temporary_folder.h"

namespace r1::checkpoint {
namespace {

constexpr std::size_t kTensorBytes = std::size_t{4} << 20;
constexpr std::size_t kNumTensors = 12;

/// Resident memory of this process that files back.
std::size_t resident_file_bytes() {
  std::size_t total = 0;
  std::size_t resident = 0;
  std::size_t of_files = 0;
  std::ifstream("/proc/self/statm") >> total >> resident >> of_files;
  return of_files * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST(MappedFile, ReleasedPagesLeaveMemoryAndCanBeReadAgain) {
  test::TemporaryFolder folder;
  const std::string path = folder.path("big");
  std::ofstream(path, std::ios::binary) << std::string(kTensorBytes * kNumTensors, '\1');
  const MappedFile file(path);
  const std::size_t before = resident_file_bytes();
  for (int pass = 0; pass < 2; ++pass) {
    for (std::size_t i = 0; i < kNumTensors; ++i) {
      const auto tensor = file.bytes().subspan(i * kTensorBytes, kTensorBytes);
      std::size_t sum = 0;
      for (const std::byte value : tensor) sum += std::to_integer<std::size_t>(value);
      EXPECT_EQ(sum, kTensorBytes);
      EXPECT_LT(resident_file_bytes(), before + 2 * kTensorBytes);
      release_pages(tensor);
    }
  }
}

}  // namespace
}  // namespace r1::checkpoint
