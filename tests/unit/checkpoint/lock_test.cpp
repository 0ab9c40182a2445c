// F14: one process per run folder.
#include "checkpoint/lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/errors.h"
#include "unit/checkpoint/support.h"

namespace r1::checkpoint {
namespace {

constexpr LockTimes kTimes{.stale_seconds = 60, .settle_seconds = 0};

LockOwner elsewhere() {
  return {.host = "node7",
          .pid = 11,
          .machine = "other",
          .start_ticks = 5,
          .job_id = "100",
          .restart_count = 1};
}

void set_age(const std::string& path, std::int64_t seconds) {
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  const timespec then{status.st_mtim.tv_sec - seconds, 0};
  const timespec times[2]{then, then};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
}

std::string refusal_of_lock(const std::string& path, const LockOwner& owner) {
  try {
    const RunLock lock(path, owner, kTimes);
    return {};
  } catch (const base::InputError& error) {
    return error.what();
  }
}

}  // namespace

TEST(RunLock, SecondStartIsRefusedNamingTheOwner) {
  const TemporaryFolder folder;
  const auto path = folder.path("lock");
  const RunLock first(path, elsewhere(), kTimes);
  const auto text = refusal_of_lock(path, current_owner());
  EXPECT_NE(text.find("host node7, pid 11, job 100, restart 1"), std::string::npos) << text;
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(RunLock, IsFreeAgainAfterItsOwner) {
  const TemporaryFolder folder;
  { const RunLock first(folder.path("lock"), current_owner(), kTimes); }
  EXPECT_EQ(refusal_of_lock(folder.path("lock"), current_owner()), "");
}

TEST(RunLock, ALivingProcessOfThisMachineKeepsItHoweverOld) {
  const TemporaryFolder folder;
  const RunLock first(folder.path("lock"), current_owner(), kTimes);
  set_age(folder.path("lock"), 1000);
  EXPECT_NE(refusal_of_lock(folder.path("lock"), current_owner()), "");
}

TEST(RunLock, ADeadProcessOfThisMachineLosesItAtOnce) {
  const TemporaryFolder folder;
  auto dead = current_owner();
  dead.start_ticks += 1;  // the pid lives, but is another process
  const RunLock first(folder.path("lock"), dead, kTimes);
  EXPECT_EQ(refusal_of_lock(folder.path("lock"), current_owner()), "");
}

TEST(RunLock, AStaleOneIsTakenOverAndAHeartbeatKeepsItFresh) {
  const TemporaryFolder folder;
  RunLock first(folder.path("lock"), elsewhere(), kTimes);
  set_age(folder.path("lock"), 61);
  first.heartbeat();
  EXPECT_NE(refusal_of_lock(folder.path("lock"), current_owner()), "");
  set_age(folder.path("lock"), 61);
  EXPECT_EQ(refusal_of_lock(folder.path("lock"), current_owner()), "");
}

TEST(RunLock, AHigherRestartCountOfTheJobTakesOverAndTheOldOneNotices) {
  const TemporaryFolder folder;
  RunLock first(folder.path("lock"), elsewhere(), kTimes);
  auto restarted = elsewhere();
  restarted.host = "node8";
  restarted.machine = "node8's boot";
  restarted.restart_count = 2;
  const RunLock second(folder.path("lock"), restarted, kTimes);
  EXPECT_THROW(first.heartbeat(), base::InputError);
  EXPECT_NE(refusal_of_lock(folder.path("lock"), elsewhere()), "") << "a lower count does not";
  auto same = restarted;
  same.host = "node9";
  same.machine = "node9's boot";
  EXPECT_NE(refusal_of_lock(folder.path("lock"), same), "") << "an equal count does not";
}

}  // namespace r1::checkpoint
