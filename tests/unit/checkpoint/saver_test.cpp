// The background saver: publishes, survives kills (F2) and full disks (F4).
#include "checkpoint/saver.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

#include "base/errors.h"
#include "base/files.h"
#include "checkpoint/catalog.h"
#include "checkpoint/reader.h"
#include "parallel/local_communicator.h"
#include "unit/checkpoint/support.h"

namespace r1::checkpoint {
namespace {

namespace fs = std::filesystem;
using Steps = std::vector<std::int64_t>;

State state_of(double value) {
  return {{whole_tensor("w", at::full({1000}, value, at::kDouble))}, {}};
}

double value_in(const std::string& path) {
  return CheckpointReader(path).read("w")[999].item<double>();
}

// A small file system that goes with its owner; `ok` is false where mounting is not allowed.
struct SmallDisk {
  explicit SmallDisk(std::string folder) : path(std::move(folder)) {
    fs::create_directories(path);
    ok = ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=4m") == 0;
  }
  ~SmallDisk() {
    if (ok) ::umount2(path.c_str(), MNT_DETACH);
  }
  void fill() const {
    std::ofstream file(path + "/filler", std::ios::binary);
    const std::string block(1 << 16, 'x');
    while (file << block << std::flush) {
    }
  }
  void free() const { fs::remove(path + "/filler"); }
  std::string path;
  bool ok;
};

}  // namespace

TEST(Saver, TheStateOfTheCallIsSavedWhileItChanges) {
  const TemporaryFolder folder;
  parallel::LocalCommunicator communicator;
  Saver saver({}, folder.path(), 7, communicator);
  const auto weights = at::full({1000}, 1.0, at::kDouble);
  saver.save(1, {{whole_tensor("w", weights)}, {}});
  weights.fill_(2.0);
  EXPECT_TRUE(saver.pending());
  const auto result = saver.finish();
  ASSERT_TRUE(result.has_value() && result->published);
  EXPECT_EQ(value_in(folder.path("step-00000001")), 1.0);
  EXPECT_FALSE(saver.finish().has_value());
}

TEST(Saver, ASecondSaveWaitsForTheFirst) {
  const TemporaryFolder folder;
  parallel::LocalCommunicator communicator;
  Saver saver({}, folder.path(), 7, communicator);
  saver.save(1, state_of(1));
  saver.save(2, state_of(2));
  EXPECT_EQ(list_steps(folder.path()), Steps{1});
  saver.finish();
  EXPECT_EQ(list_steps(folder.path()), (Steps{1, 2}));
  EXPECT_EQ(value_in(folder.path("step-00000001")), 1.0);
}

TEST(Saver, ACopyIsSavedOnlyWhenItIsAskedFor) {
  const TemporaryFolder folder;
  parallel::LocalCommunicator communicator;
  Saver saver({}, folder.path(), 7, communicator);
  const auto weights = at::full({1000}, 1.0, at::kDouble);
  saver.copy(1, {{whole_tensor("w", weights)}, {}}, /*good=*/false);
  EXPECT_EQ(saver.last_copy_step(), 1);
  weights.fill_(2.0);
  saver.finish();
  EXPECT_EQ(list_steps(folder.path()), Steps{});
  saver.save_copy();
  saver.finish();
  EXPECT_EQ(value_in(folder.path("step-00000001")), 1.0);
  EXPECT_FALSE(Manifest::read(folder.path("step-00000001")).identity.good);
}

TEST(Saver, ARefusedSaveLeavesTheCopyToSaveAgain) {
  const TemporaryFolder folder;
  parallel::LocalCommunicator communicator;
  Saver saver({}, folder.path(), 7, communicator);
  bool refuses = true;
  saver.before_publishing([&] {
    if (refuses) throw base::FileError("no");
  });
  saver.save(1, state_of(1));
  saver.finish();
  EXPECT_FALSE(saver.last_result().published);
  refuses = false;
  saver.save_copy();
  saver.finish();
  EXPECT_EQ(value_in(folder.path("step-00000001")), 1.0);
}

TEST(Saver, PollPublishesOnAllRanksTogether) {
  const TemporaryFolder folder;
  run_ranks(3, [&](parallel::Communicator& communicator) {
    Saver saver({}, folder.path(), 7, communicator);
    auto tensor = whole_tensor("w", counting({4}));
    tensor.replica = communicator.rank();
    saver.save(1, {{tensor}, {}});
    while (!saver.poll()) std::this_thread::yield();
    EXPECT_TRUE(saver.last_result().published);
  });
  EXPECT_EQ(refusal_of(folder.path("step-00000001")), "");
}

TEST(Saver, TheSameStepAgainReplacesTheOldOne) {
  const TemporaryFolder folder;
  save_alone(folder.path(), 5, state_of(1));
  save_alone(folder.path(), 5, state_of(2));
  EXPECT_EQ(value_in(folder.path("step-00000005")), 2.0);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 2) << "and run.json";
}

TEST(Saver, StagingLeavesNothingBehind) {
  const TemporaryFolder folder;
  const TemporaryFolder staging;
  parallel::LocalCommunicator communicator;
  CheckpointOptions options;
  options.staging_dir = staging.path();
  Saver saver(options, folder.path(), 7, communicator);
  saver.save(1, state_of(3));
  saver.finish();
  EXPECT_EQ(refusal_of(folder.path("step-00000001")), "");
  EXPECT_EQ(value_in(folder.path("step-00000001")), 3.0);
  EXPECT_TRUE(fs::is_empty(staging.path()));
}

TEST(Saver, OneRanksFailureIsEverybodys) {
  const TemporaryFolder folder;
  save_on_ranks(2, folder.path(), 1, [](int) { return State{{}, {{"config", "x"}}}; });
  run_ranks(2, [&](parallel::Communicator& communicator) {
    Store store(folder.path(), communicator);
    store.begin(2);
    const auto fail_on_one = [&]() -> ShardDescription {
      if (communicator.rank() == 1) throw base::FileError("disk of rank 1");
      return {};
    };
    try {
      store.publish({2, 7, current_date(), "", true}, fail_on_one, {});
      ADD_FAILURE();
    } catch (const base::FileError& error) {
      EXPECT_STREQ(error.what(), "rank 1: disk of rank 1");
    }
  });
  EXPECT_EQ(list_steps(folder.path()), Steps{1});
  EXPECT_EQ(refusal_of(folder.path("step-00000001")), "");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 2) << "and run.json";
}

class KillTest : public testing::TestWithParam<const char*> {};

TEST_P(KillTest, RestartUsesACompleteOne) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  // The child runs this test again from its start, in the folder of its parent.
  const char* inherited = std::getenv("R1_TEST_FOLDER");
  const TemporaryFolder own;
  const std::string folder = inherited != nullptr ? inherited : own.path();
  if (inherited == nullptr)
    for (const std::int64_t step : {1, 2, 3}) save_alone(folder, step, state_of(step));
  ::setenv("R1_TEST_FOLDER", folder.c_str(), 1);
  const auto killed_save = [&] {
    ::setenv("R1_TEST_KILL_AT", GetParam(), 1);
    save_alone(folder, 4, state_of(4));
  };

  EXPECT_EXIT(killed_save(), testing::KilledBySignal(SIGKILL), "");

  ::unsetenv("R1_TEST_FOLDER");
  parallel::LocalCommunicator communicator;
  const bool published = std::string(GetParam()).rfind("while-pruning", 0) == 0;
  const auto selection = newest_valid(folder, communicator);
  EXPECT_EQ(selection.step, published ? 4 : 3);
  EXPECT_TRUE(selection.refused.empty());
  EXPECT_EQ(value_in(selection.path), published ? 4 : 3);
  save_alone(folder, 5, state_of(5));
  EXPECT_EQ(list_steps(folder), published ? (Steps{3, 4, 5}) : (Steps{2, 3, 5}));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 4) << "and run.json";
}

INSTANTIATE_TEST_SUITE_P(F2, KillTest,
                         testing::Values("before-data", "half-shard:4", "before-manifest",
                                         "before-rename", "while-pruning:1"));

class FullDiskTest : public testing::TestWithParam<bool> {};  // is it the staging disk?

TEST_P(FullDiskTest, TheRunGoesOnAndALaterSaveSucceeds) {
  const TemporaryFolder folder;
  const SmallDisk disk(folder.path("disk"));
  if (!disk.ok) GTEST_SKIP() << "mounting a tmpfs is not allowed here";
  const bool staging_is_small = GetParam();
  CheckpointOptions options;
  if (staging_is_small) options.staging_dir = disk.path;
  const auto target = staging_is_small ? folder.path("run") : disk.path + "/run";
  parallel::LocalCommunicator communicator;
  Saver saver(options, target, 7, communicator);
  saver.save(1, state_of(1));
  saver.finish();

  disk.fill();
  saver.save(2, state_of(2));
  saver.finish();

  EXPECT_EQ(saver.last_result().published, staging_is_small) << "written directly instead";
  EXPECT_EQ(refusal_of(target + "/step-00000001"), "");
  disk.free();
  saver.save(3, state_of(3));
  saver.finish();
  EXPECT_TRUE(saver.last_result().published) << saver.last_result().reason;
  EXPECT_EQ(list_steps(target), staging_is_small ? (Steps{1, 2, 3}) : (Steps{1, 3}));
  EXPECT_EQ(refusal_of(target + "/step-00000003"), "");
}

INSTANTIATE_TEST_SUITE_P(F4, FullDiskTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Staging" : "Target"; });

TEST(FullDisk, EveryPointOfASaveIsRefusedCleanly) {
  const TemporaryFolder folder;
  const SmallDisk disk(folder.path("disk"));
  if (!disk.ok) GTEST_SKIP() << "mounting a tmpfs is not allowed here";
  const auto target = disk.path + "/run";
  save_alone(target, 1, state_of(1));
  disk.fill();
  // Frees a page more each time, so that the disk is full at a later point of the save.
  for (std::int64_t step = 2;; ++step) {
    save_alone(target, step, state_of(static_cast<double>(step)));
    EXPECT_EQ(refusal_of(target + "/step-00000001"), "");
    if (list_steps(target).size() == 2) break;
    EXPECT_EQ(std::distance(fs::directory_iterator(target), {}), 2) << "step 1 and run.json";
    fs::resize_file(disk.path + "/filler", fs::file_size(disk.path + "/filler") - (32 << 10));
  }
}

/// What a disk does is no reason to stop at once, and never the user's fault.
TEST(FullDisk, AReadOnlyDiskIsRefusedLikeAFullOne) {
  const TemporaryFolder folder;
  const SmallDisk disk(folder.path("disk"));
  if (!disk.ok) GTEST_SKIP() << "mounting a tmpfs is not allowed here";
  CheckpointOptions options;
  options.background = false;
  options.max_refusals = 2;
  parallel::LocalCommunicator communicator;
  Saver saver(options, disk.path + "/run", 7, communicator);
  saver.save(1, state_of(1));
  const auto remount = [&](unsigned long flags) {
    return ::mount("tmpfs", disk.path.c_str(), "tmpfs", MS_REMOUNT | flags, "size=4m");
  };
  ASSERT_EQ(remount(MS_RDONLY), 0);
  saver.save(2, state_of(2));
  EXPECT_FALSE(saver.last_result().published);
  EXPECT_NE(saver.last_result().reason.find("Read-only file system"), std::string::npos);
  EXPECT_THROW(saver.save(3, state_of(3)), base::FileError);
  ASSERT_EQ(remount(0), 0);
  saver.save(4, state_of(4));
  EXPECT_EQ(list_steps(disk.path + "/run"), (Steps{1, 4}));
}

TEST(FullDisk, AStagingFolderThatIsGoneIsLeftOut) {
  const TemporaryFolder folder;
  CheckpointOptions options;
  options.background = false;
  options.staging_dir = folder.path("no such folder");
  parallel::LocalCommunicator communicator;
  Saver saver(options, folder.path("run"), 7, communicator);
  saver.save(1, state_of(1));
  EXPECT_TRUE(saver.last_result().published) << saver.last_result().reason;
  EXPECT_EQ(refusal_of(folder.path("run/step-00000001")), "");
}

TEST(FullDisk, TooManyRefusalsInARowAreAnError) {
  const TemporaryFolder folder;
  const SmallDisk disk(folder.path("disk"));
  if (!disk.ok) GTEST_SKIP() << "mounting a tmpfs is not allowed here";
  CheckpointOptions options;
  options.background = false;
  options.max_refusals = 2;
  parallel::LocalCommunicator communicator;
  Saver saver(options, disk.path + "/run", 7, communicator);
  disk.fill();
  saver.save(1, state_of(1));
  EXPECT_THROW(saver.save(2, state_of(2)), base::FileError);
}

}  // namespace r1::checkpoint
