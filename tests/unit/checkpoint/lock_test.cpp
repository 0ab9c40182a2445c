// F14: one process per run folder.
#include "checkpoint/lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/errors.h"
#include "unit/checkpoint/support.h"

namespace r1::checkpoint {
namespace {

constexpr LockTimes kTimes{.stale_seconds = 60, .look_seconds = 0.01, .settle_seconds = 0};

HolderState lives(const LockOwner&) {
  return HolderState::Lives;
}

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
    const RunLock lock(path, owner, kTimes, lives);
    return {};
  } catch (const base::InputError& error) {
    return error.what();
  }
}

}  // namespace

TEST(RunLock, SecondStartIsRefusedNamingTheOwner) {
  const TemporaryFolder folder;
  const auto path = folder.path("lock");
  RunLock first(path, elsewhere(), kTimes);
  first.heartbeat("waits for rewards");
  const auto text = refusal_of_lock(path, current_owner());
  EXPECT_TRUE(text.ends_with("s ago: waits for rewards")) << text;
  EXPECT_NE(text.find("host node7, pid 11, job 100, restart 1"), std::string::npos) << text;
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2);
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
  first.heartbeat("waits for rewards");
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
  EXPECT_THROW(first.heartbeat("waits for rewards"), base::InputError);
  EXPECT_NE(refusal_of_lock(folder.path("lock"), elsewhere()), "") << "a lower count does not";
  auto same = restarted;
  same.host = "node9";
  same.machine = "node9's boot";
  EXPECT_NE(refusal_of_lock(folder.path("lock"), same), "") << "an equal count does not";
}

/// After the loss of a node nobody may know of its process.
TEST(RunLock, WhoeverKnowsSaysThatTheHolderIsGone) {
  const TemporaryFolder folder;
  const RunLock first(folder.path("lock"), elsewhere(), kTimes);
  const auto gone = [](const LockOwner& owner) {
    EXPECT_EQ(owner.job_id, "100");
    return HolderState::Gone;
  };
  const RunLock second(folder.path("lock"), current_owner(), kTimes, gone);
  EXPECT_THROW(first.require_mine(), base::InputError);
}

TEST(RunLock, WhereNobodyKnowsAHeartbeatIsARefusal) {
  const TemporaryFolder folder;
  RunLock first(folder.path("lock"), elsewhere(), kTimes);
  set_age(folder.path("lock"), 50);
  int looks = 0;
  const auto unknown = [&](const LockOwner&) {
    if (++looks == 3) first.heartbeat("");
    return HolderState::Unknown;
  };
  EXPECT_THROW(RunLock(folder.path("lock"), current_owner(), kTimes, unknown), base::InputError);
  EXPECT_EQ(looks, 3);
}

TEST(RunLock, WhereNobodyKnowsSilenceIsATakeOver) {
  const TemporaryFolder folder;
  const RunLock first(folder.path("lock"), elsewhere(), kTimes);
  int looks = 0;
  const auto unknown = [&](const LockOwner&) {
    ++looks;
    return HolderState::Unknown;
  };
  const LockTimes soon{.stale_seconds = 0.2, .look_seconds = 0.01, .settle_seconds = 0};
  const RunLock second(folder.path("lock"), current_owner(), soon, unknown);
  EXPECT_GT(looks, 1);
  EXPECT_THROW(first.require_mine(), base::InputError);
}

}  // namespace r1::checkpoint
