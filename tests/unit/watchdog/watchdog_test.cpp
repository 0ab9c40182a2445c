// Watchdogs of several "ranks" in one process, joined by queues: who is named, who prints, and when
// nobody is alarmed. Runs under ThreadSanitizer.
#include "mpi/watchdog.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>

#include "base/random.h"
#include "base/timer.h"

namespace r1::mpi {
namespace {

constexpr WatchdogLimits kFast = {.collective = 0.05, .role = 1e6, .poll = 0.01, .answer = 0.2};

/// Post boxes of all ranks, and what the watchdogs said.
struct Network {
  explicit Network(int size) : boxes(static_cast<std::size_t>(size)) {}

  std::mutex mutex;
  std::condition_variable ended;
  std::vector<std::deque<WatchdogMessage>> boxes;
  std::vector<std::pair<int, std::string>> lines;  // rank, line
  int exit_code = 0;

  /// The first line; waits for it.
  std::pair<int, std::string> first_line() {
    std::unique_lock lock(mutex);
    ended.wait(lock, [this] { return !lines.empty(); });
    return lines.front();
  }
};

class QueueChannel final : public WatchdogChannel {
 public:
  QueueChannel(Network& network, int rank) : network_(network), rank_(rank) {}
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(network_.boxes.size()); }
  void post(int to, const WatchdogMessage& message) override {
    const std::lock_guard lock(network_.mutex);
    network_.boxes[static_cast<std::size_t>(to)].push_back(message);
  }
  std::optional<WatchdogMessage> poll() override {
    const std::lock_guard lock(network_.mutex);
    auto& box = network_.boxes[static_cast<std::size_t>(rank_)];
    if (box.empty()) return std::nullopt;
    auto message = box.front();
    box.pop_front();
    return message;
  }
  void end_job(const std::string& line, int exit_code) override {
    const std::lock_guard lock(network_.mutex);
    network_.lines.emplace_back(rank_, line);
    network_.exit_code = exit_code;
    network_.ended.notify_all();
  }

 private:
  Network& network_;
  int rank_;
};

struct Rank {
  Rank(Network& network, int rank, WatchdogLimits limits = kFast)
      : watchdog(registry, std::make_unique<QueueChannel>(network, rank), limits,
                 "node" + std::to_string(rank)) {}
  CallRegistry registry;
  Watchdog watchdog;
};

PendingCall collective(std::uint64_t sequence, Patience patience = Patience::Collective) {
  return {"MPI_Iallreduce", "gradients", "policy.dp", sequence, -1, patience, 0.0};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Watchdog, NamesTheRankThatHasNotArrived) {
  Network network(3);
  auto limits = kFast;
  limits.answer = 1.0;  // both alarms fall into each other's time for answers
  Rank ranks[] = {{network, 0, limits}, {network, 1, limits}, {network, 2, limits}};
  for (auto& rank : ranks) {
    const int id = rank.registry.open_communicator("policy.dp");
    rank.registry.issue(id, "MPI_Ibcast", "weights");
    if (&rank != &ranks[2]) rank.registry.issue(id, "MPI_Iallreduce", "gradients");
  }
  const CallRegistry::Waiting waits_0(ranks[0].registry, collective(2));
  const CallRegistry::Waiting waits_1(ranks[1].registry, collective(2));
  const auto [rank, line] = network.first_line();
  EXPECT_EQ(rank, 0) << "the lowest of the waiting ranks prints";
  EXPECT_TRUE(contains(line, "rank 0 (host node0) has waited")) << line;
  EXPECT_TRUE(contains(line, "MPI_Iallreduce 'gradients' (communicator policy.dp, call 2)"))
      << line;
  EXPECT_TRUE(contains(line, "not arrived: rank 2 (at call 1, computes)")) << line;
  EXPECT_FALSE(contains(line, "rank 1")) << line;
  EXPECT_EQ(network.exit_code, 3);
}

TEST(Watchdog, NamesTheRankThatMadeAnotherCall) {
  Network network(2);
  Rank ranks[] = {{network, 0}, {network, 1}};
  ranks[0].registry.issue(ranks[0].registry.open_communicator("policy.dp"), "MPI_Iallreduce",
                          "gradients");
  ranks[1].registry.issue(ranks[1].registry.open_communicator("policy.dp"), "MPI_Ibcast",
                          "weights");
  const CallRegistry::Waiting waits(ranks[0].registry, collective(1));
  const auto [rank, line] = network.first_line();
  EXPECT_TRUE(contains(line, "made another call: rank 1 (MPI_Ibcast 'weights')")) << line;
}

TEST(Watchdog, NamesTheRankThatDoesNotAnswer) {
  Network network(2);
  Rank only(network, 0);
  only.registry.issue(only.registry.open_communicator("policy.dp"), "MPI_Iallreduce", "gradients");
  const CallRegistry::Waiting waits(only.registry, collective(1));
  const auto [rank, line] = network.first_line();
  EXPECT_TRUE(contains(line, "no answer from: rank 1")) << line;
}

TEST(Watchdog, SaysWhatThePeerOfAReceiveDoes) {
  Network network(2);
  Rank ranks[] = {{network, 0}, {network, 1}};
  const CallRegistry::Waiting peer_waits(ranks[1].registry, collective(9, Patience::Role));
  const CallRegistry::Waiting waits(
      ranks[0].registry, {"MPI_Irecv", "shard", "world", 0, 1, Patience::Collective, 0.0});
  const auto [rank, line] = network.first_line();
  EXPECT_TRUE(contains(line, "MPI_Irecv 'shard' (communicator world, from or to rank 1)")) << line;
  EXPECT_TRUE(contains(line, "rank 1 waits in MPI_Iallreduce 'gradients'")) << line;
}

// The patient wait is far older than the collective limit, and has been looked at, when a later
// alarm proves that nobody took it for a hang.
TEST(Watchdog, AWaitForARoleThatComputesMayLast) {
  Network network(2);
  Rank waits(network, 0), computes(network, 1);
  const CallRegistry::Waiting patient(waits.registry, collective(1, Patience::Role));
  std::this_thread::sleep_for(std::chrono::duration<double>(3 * (kFast.collective + kFast.answer)));
  const CallRegistry::Waiting hung(waits.registry, collective(77));
  EXPECT_TRUE(contains(network.first_line().second, "call 77"));
}

TEST(Watchdog, AWaitForARoleEndsAtItsOwnLimitAtLast) {
  Network network(2);
  auto limits = kFast;
  limits.role = 3 * limits.collective;
  Rank waits(network, 0, limits), computes(network, 1, limits);
  const CallRegistry::Waiting patient(waits.registry, collective(5, Patience::Role));
  EXPECT_TRUE(contains(network.first_line().second, "call 5"));
}

TEST(Watchdog, AWaitForARoleEndsWhenThatRoleDoesNotAnswer) {
  Network network(3);
  Rank waits(network, 0), computes(network, 1);
  const CallRegistry::Waiting patient(
      waits.registry, {"receive", "reward, tag 11", "exchange", 0, 2, Patience::Role, 0.0});
  const auto [rank, line] = network.first_line();
  EXPECT_TRUE(contains(line, "receive 'reward, tag 11' (communicator exchange, from or to rank 2)"))
      << line;
  EXPECT_TRUE(contains(line, "no answer from: rank 2")) << line;
}

TEST(Watchdog, WaitsForRolesEndWhenAllRanksWait) {
  Network network(2);
  Rank ranks[] = {{network, 0}, {network, 1}};
  const CallRegistry::Waiting receives(
      ranks[0].registry, {"receive", "reward, tag 11", "exchange", 0, 1, Patience::Role, 0.0});
  const CallRegistry::Waiting reduces(ranks[1].registry, collective(9, Patience::Role));
  const auto [rank, line] = network.first_line();
  EXPECT_TRUE(contains(line, "rank 1 waits in MPI_Iallreduce 'gradients'")) << line;
  EXPECT_EQ(network.exit_code, 3);
}

TEST(Watchdog, ACallThatEndsDuringTheQuestionsIsNoHang) {
  Network network(1);
  Rank only(network, 0);
  {
    const CallRegistry::Waiting slow(only.registry, collective(1));
    std::this_thread::sleep_for(std::chrono::duration<double>(2 * kFast.collective));
  }
  const CallRegistry::Waiting hung(only.registry, collective(77));
  EXPECT_TRUE(contains(network.first_line().second, "call 77"));
}

/// Calls on a device that the test moves by hand.
class FakeDevice final : public DeviceCalls {
 public:
  std::optional<PendingCall> current() override {
    const std::lock_guard lock(mutex_);
    return current_;
  }
  std::optional<std::uint64_t> reached() override {
    const std::lock_guard lock(mutex_);
    return reached_;
  }
  std::string failure() override {
    const std::lock_guard lock(mutex_);
    return failure_;
  }
  void abort() override {
    const std::lock_guard lock(mutex_);
    aborted_ = true;
  }

  void begin(std::uint64_t sequence) {
    const std::lock_guard lock(mutex_);
    current_ = collective(sequence);
    current_->since = base::monotonic_seconds();
    reached_ = sequence;
  }
  void stay_before(std::uint64_t sequence) {
    const std::lock_guard lock(mutex_);
    current_.reset();
    reached_ = sequence - 1;
  }
  void fail(const std::string& text) {
    const std::lock_guard lock(mutex_);
    failure_ = text;
  }
  bool aborted() {
    const std::lock_guard lock(mutex_);
    return aborted_;
  }

 private:
  std::mutex mutex_;
  std::optional<PendingCall> current_;
  std::optional<std::uint64_t> reached_;
  std::string failure_;
  bool aborted_ = false;
};

// The issuing threads have long gone on: both ranks have issued call 2, the device of one has not
// begun it.
TEST(Watchdog, SeesACallThatOnlyTheDeviceWaitsIn) {
  Network network(2);
  Rank ranks[] = {{network, 0}, {network, 1}};
  const std::shared_ptr<FakeDevice> devices[] = {std::make_shared<FakeDevice>(),
                                                 std::make_shared<FakeDevice>()};
  for (int rank = 0; rank < 2; ++rank) {
    devices[rank]->stay_before(2);
    const int id = ranks[rank].registry.open_communicator("policy.dp", devices[rank]);
    ranks[rank].registry.issue(id, "ncclBroadcast", "weights");
    ranks[rank].registry.issue(id, "ncclAllReduce", "gradients");
  }
  devices[0]->begin(2);
  const auto [rank, line] = network.first_line();
  EXPECT_EQ(rank, 0);
  EXPECT_TRUE(contains(line, "'gradients' (communicator policy.dp, call 2)")) << line;
  EXPECT_TRUE(contains(line, "not arrived: rank 1 (at call 1, computes)")) << line;
}

TEST(Watchdog, ReportsAFailureOnADevice) {
  Network network(2);
  Rank ranks[] = {{network, 0}, {network, 1}};
  const auto device = std::make_shared<FakeDevice>();
  const int id = ranks[0].registry.open_communicator("policy.dp", device);
  ranks[0].registry.issue(id, "MPI_Iallreduce", "gradients");
  ranks[1].registry.open_communicator("policy.dp");
  device->begin(1);
  device->fail("NCCL: remote process exited");
  const auto [rank, line] = network.first_line();
  EXPECT_EQ(rank, 0);
  EXPECT_TRUE(contains(line,
                       "failed: rank 0 (host node0): NCCL: remote process exited; in "
                       "MPI_Iallreduce 'gradients' (communicator policy.dp, call 1)"))
      << line;
  EXPECT_TRUE(contains(line, "not arrived: rank 1 (at call 0, computes)")) << line;
  EXPECT_EQ(network.exit_code, 3);
}

TEST(CallRegistry, ACommunicatorThatIsClosedIsAskedNoMore) {
  CallRegistry registry;
  const auto device = std::make_shared<FakeDevice>();
  const int id = registry.open_communicator("c", device);
  device->begin(1);
  EXPECT_EQ(registry.waiting().size(), 1U);
  device->fail("broken");
  EXPECT_TRUE(registry.device_failure().has_value());
  registry.close_communicator(id);
  EXPECT_TRUE(registry.waiting().empty());
  EXPECT_FALSE(registry.device_failure().has_value());
  registry.abort_device_calls(10.0);
  EXPECT_FALSE(device->aborted());
}

// What a thread computes from an aborted call is garbage: it must not get to hand it on.
TEST(CallRegistry, HoldsThreadsOnceDeviceCallsAreAborted) {
  auto* registry = new CallRegistry;  // outlives the held thread
  const auto device = std::make_shared<FakeDevice>();
  const int id = registry->open_communicator("c", device);
  registry->issue(id, "ncclAllReduce", "before");
  registry->abort_device_calls(10.0);
  EXPECT_TRUE(device->aborted());
  static std::atomic<bool> went_on;
  std::thread([registry, id] {
    registry->issue(id, "ncclAllReduce", "behind");
    went_on = true;
  }).detach();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(went_on);
}

TEST(CallRegistry, ForgetsFinishedWaitsAndOldCalls) {
  CallRegistry registry;
  { const CallRegistry::Waiting waits(registry, collective(1)); }
  EXPECT_TRUE(registry.waiting().empty());
  EXPECT_GT(registry.waited_seconds(Patience::Collective), 0.0);
  EXPECT_EQ(registry.waited_seconds(Patience::Role), 0.0);
  const int id = registry.open_communicator("c");
  for (int i = 0; i < 100; ++i) registry.issue(id, "MPI_Ibcast", "x");
  const auto hash = base::hash_name("c");
  EXPECT_EQ(registry.position(hash, 100).issued, 100U);
  EXPECT_EQ(registry.position(hash, 100).call_there, "MPI_Ibcast 'x'");
  EXPECT_EQ(registry.position(hash, 1).call_there, "") << "long ago";
  EXPECT_FALSE(registry.position(base::hash_name("another"), 1).member);
}

}  // namespace
}  // namespace r1::mpi
