// What is opened must be a file of a size that fits, and who mends a refusal depends on the errno
// and on whose file it is.
#include "base/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "support/temporary_folder.h"

namespace r1::base {
namespace {

std::string input_error(const std::function<void()>& work) {
  try {
    work();
  } catch (const InputError& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::BadInput);
    return error.what();
  }
  return "no InputError";
}

TEST(InputFile, RefusesWhatIsNoFile) {
  const test::TemporaryFolder folder;
  const auto pipe = folder.path("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0644), 0);
  for (const auto& [path, kind] : {std::pair<std::string, std::string>{"/dev/zero", "device"},
                                   {pipe, "pipe"},
                                   {folder.path(), "folder"}}) {
    const auto expected = path + ": expected a file, found a " + kind;
    EXPECT_EQ(input_error([&] { InputFile{path}; }), expected);
    EXPECT_EQ(input_error([&] { read_file(path); }), expected);
    EXPECT_EQ(input_error([&] { open_stream(path); }), expected);
  }
}

TEST(InputFile, ComparesTheSizeBeforeItReads) {
  const test::TemporaryFolder folder;
  const auto path = folder.path("sparse");
  write_file_atomically(path, "x");
  ASSERT_EQ(::truncate(path.c_str(), off_t{1} << 40), 0);
  EXPECT_EQ(input_error([&] { read_file(path); }),
            path + ": expected a file of at most 1073741824 bytes, found 1099511627776");
  EXPECT_EQ(input_error([&] { InputFile(path, 10); }),
            path + ": expected a file of at most 10 bytes, found 1099511627776");
}

TEST(InputFile, ReadsFilesThatSayTheyAreEmpty) {
  EXPECT_NE(read_file("/proc/self/status").find("VmRSS"), std::string::npos);
}

TEST(FileErrors, AreTheUsersOrTheDisks) {
  const auto code = [](int error, FileOf owner) {
    try {
      throw_file_error("some/file", "cannot write", error, owner);
    } catch (const Error& caught) {
      EXPECT_EQ(std::string(caught.what()).find("some/file: cannot write: "), 0u);
      return static_cast<int>(caught.exit_code());
    }
  };
  for (const int error : {ENOENT, ENOTDIR, EISDIR, EACCES, EPERM, ENAMETOOLONG, ELOOP}) {
    EXPECT_EQ(code(error, FileOf::User), 2) << error;
    EXPECT_EQ(code(error, FileOf::Run), 3) << error;
  }
  for (const int error : {ENOSPC, EDQUOT, EROFS, EIO, ESTALE, EMFILE, ENOMEM, EFBIG}) {
    EXPECT_EQ(code(error, FileOf::User), 3) << error;
    EXPECT_EQ(code(error, FileOf::Run), 3) << error;
  }
}

TEST(FileErrors, ADiskThatRefusesAWriteLeavesNothing) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(input_error([&] { write_file_atomically(folder.path("no/such/file"), "x"); }),
            folder.path("no/such/file") + ": cannot write: No such file or directory");
  write_file_atomically(folder.path("file"), "old");
  EXPECT_EQ(input_error([&] { make_folders(folder.path("file/below")); }),
            folder.path("file/below") + ": cannot make the folder: Not a directory");
}

}  // namespace
}  // namespace r1::base
