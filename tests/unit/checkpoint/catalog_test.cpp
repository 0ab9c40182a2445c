// Which checkpoints are kept and chosen.
#include "checkpoint/catalog.h"

#include <gtest/gtest.h>

#include "base/errors.h"
#include "checkpoint/options.h"
#include "checkpoint/pin.h"
#include "checkpoint/reader.h"
#include "checkpoint/saver.h"
#include "parallel/local_communicator.h"
#include "unit/checkpoint/support.h"

namespace r1::checkpoint {
namespace {

using Steps = std::vector<std::int64_t>;

void save_steps(const std::string& folder, const Steps& steps) {
  for (const auto step : steps) save_alone(folder, step, {{whole_tensor("w", counting({4}))}, {}});
}

}  // namespace

TEST(PrunePlan, KeepsLastNthBestAndValid) {
  const Steps steps{10, 20, 30, 40, 50, 60, 70};
  EXPECT_EQ(prune_plan(steps, {3, 0}, {70}), (Steps{10, 20, 30, 40}));
  EXPECT_EQ(prune_plan(steps, {3, 20}, {70}), (Steps{10, 30}));
  EXPECT_EQ(prune_plan(steps, {3, 20}, {10, 70}), (Steps{30}));
  EXPECT_EQ(prune_plan(steps, {3, 0}, {20}), (Steps{10, 30, 40}));
  EXPECT_EQ(prune_plan({10, 20}, {3, 0}, {20}), Steps{});
}

TEST(Prune, SavingKeepsTheNewest) {
  const TemporaryFolder folder;
  save_steps(folder.path(), {1, 2, 3, 4, 5});
  EXPECT_EQ(list_steps(folder.path()), (Steps{3, 4, 5}));
}

TEST(Prune, ARunThatIsDoneKeepsEveryNthAlone) {
  const TemporaryFolder folder;
  save_steps(folder.path(), {4, 5, 6});
  mark_best(folder.path(), 5, 0.5);
  EXPECT_EQ(remove_finished(folder.path(), 2), (Steps{5}));
  EXPECT_EQ(list_steps(folder.path()), (Steps{4, 6}));
  EXPECT_FALSE(best_checkpoint(folder.path()));
  mark_best(folder.path(), 6, 0.5);
  EXPECT_EQ(remove_finished(folder.path(), 4), (Steps{6}));
  EXPECT_EQ(remove_finished(folder.path(), 0), (Steps{4}));
  EXPECT_EQ(list_steps(folder.path()), Steps{});
  EXPECT_EQ(remove_finished(folder.path() + "/none", 0), Steps{});
}

TEST(Prune, NeverTheOnlyValidOne) {
  const TemporaryFolder folder;
  save_steps(folder.path(), {1, 2, 3});
  std::filesystem::create_directory(folder.path("step-00000004"));
  for (const int step : {2, 3})
    flip_byte(folder.path(checkpoint_name(step)) + "/shard-00000.h5", 200);
  EXPECT_EQ(prune(folder.path(), {3, 0}), Steps{});
  std::filesystem::remove(folder.path("step-00000001/MANIFEST.json"));
  EXPECT_EQ(prune(folder.path(), {3, 0}), Steps{}) << "nothing valid: nothing is deleted";
}

/// F13: whatever was saved since a step was skipped, the last one before it stays.
TEST(Prune, NeverTheNewestGoodOne) {
  const TemporaryFolder folder;
  parallel::LocalCommunicator communicator;
  CheckpointOptions options;
  options.background = false;
  Saver saver(options, folder.path(), 7, communicator);
  for (const auto step : {1, 2, 3, 4, 5, 6, 7})
    saver.save(step, {{whole_tensor("w", counting({4}))}, {}}, step <= 2);
  EXPECT_EQ(list_steps(folder.path()), (Steps{2, 5, 6, 7}));
  EXPECT_EQ(newest_good(folder.path()), 2);
  saver.save(8, {{whole_tensor("w", counting({4}))}, {}}, true);
  EXPECT_EQ(list_steps(folder.path()), (Steps{6, 7, 8}));
}

/// Exploded weights may still be finite: what counts is that a step from them was accepted.
TEST(Prune, KeepsTheOneThatWasProvenGood) {
  const TemporaryFolder folder;
  save_steps(folder.path(), {1, 2});
  mark_good(folder.path(), 2);
  save_steps(folder.path(), {3, 4, 5, 6});
  EXPECT_EQ(newest_good(folder.path()), 2);
  EXPECT_EQ(list_steps(folder.path()), (Steps{2, 4, 5, 6}));
  delete_checkpoint(folder.path(), 2);
  EXPECT_EQ(newest_good(folder.path()), 6);
}

TEST(Catalog, GoesBackToAStep) {
  const TemporaryFolder folder;
  save_steps(folder.path(), {1, 2, 3});
  mark_best(folder.path(), 2, 0.5);
  remove_newer(folder.path(), 2);
  EXPECT_EQ(list_steps(folder.path()), (Steps{1, 2}));
  EXPECT_TRUE(best_checkpoint(folder.path()));
  remove_newer(folder.path(), 1);
  EXPECT_FALSE(best_checkpoint(folder.path()));
}

TEST(Catalog, ALeftoverThatCannotBeRemovedIsNoError) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.path(".step-00000001.partial"));
  save_steps(folder.path(), {2});
  EXPECT_FALSE(std::filesystem::exists(folder.path(".step-00000001.partial")));
}

/// The other run prunes what this one began from.
TEST(Pin, OutlivesItsSource) {
  const TemporaryFolder folder, other;
  save_steps(other.path(), {1});
  const auto pinned = pin_checkpoint(other.path("step-00000001"), folder.path("start"));
  EXPECT_EQ(std::filesystem::hard_link_count(pinned + "/index.h5"), 2u);
  EXPECT_EQ(pin_checkpoint(other.path("step-00000001"), folder.path("start")), pinned);
  delete_checkpoint(other.path(), 1);
  EXPECT_EQ(refusal_of(pinned), "");
  EXPECT_TRUE(at::equal(CheckpointReader(pinned).read("w"), counting({4})));
}

TEST(Catalog, SelectsLatestBestAndNumber) {
  const TemporaryFolder folder;
  parallel::LocalCommunicator communicator;
  save_steps(folder.path(), {1, 2, 3});
  const auto select = [&](const char* which) {
    return select_checkpoint(folder.path(), which, communicator);
  };
  EXPECT_THROW(select("best"), base::InputError);
  mark_best(folder.path(), 1, 0.5);
  EXPECT_EQ(select("best"), folder.path("step-00000001"));
  EXPECT_EQ(select("latest"), folder.path("step-00000003"));
  EXPECT_EQ(select("2"), folder.path("step-00000002"));
  EXPECT_THROW(select("7"), base::InputError);
  EXPECT_THROW(select("newest"), base::InputError);
}

TEST(Catalog, AFolderThatDoesNotExistHasNone) {
  const TemporaryFolder folder;
  parallel::LocalCommunicator communicator;
  EXPECT_FALSE(newest_valid(folder.path("absent"), communicator).step.has_value());
}

TEST(Interval, YoungDaly) {
  CheckpointOptions options;
  EXPECT_EQ(checkpoint_interval(options, 10, 2), options.interval_steps);
  options.interval_steps = 0;
  options.mtbf_hours = 10;
  // sqrt(2 x 20 s x 36,000 s) = 1,200 s = 600 steps of 2 s
  EXPECT_EQ(checkpoint_interval(options, 20, 2), 600);
  EXPECT_EQ(checkpoint_interval(options, 0, 2), 1);
}

}  // namespace r1::checkpoint
