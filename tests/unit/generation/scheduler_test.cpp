// Who gets blocks, who is set back, and how many sequences a cache holds: decisions without a
// model.
#include "generation/scheduler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/random.h"

namespace r1::generation {
namespace {

constexpr auto kNoBlock = BlockPool::kNoBlock;

TEST(BlockPool, FindsFullBlocksByAllTokensFromTheBeginning) {
  BlockPool pool(4);
  const auto first = pool.allocate(), second = pool.allocate();
  pool.publish(first, kNoBlock, {1, 2});
  pool.publish(second, first, {3, 4});
  EXPECT_EQ(pool.find(kNoBlock, {1, 2}), first);
  EXPECT_EQ(pool.find(first, {3, 4}), second);
  EXPECT_EQ(pool.find(kNoBlock, {3, 4}), kNoBlock);
  EXPECT_EQ(pool.find(second, {3, 4}), kNoBlock);
  EXPECT_EQ(pool.find(first, {3, 5}), kNoBlock);
  EXPECT_EQ(pool.num_free(), 2);
  for (int holders = 0; holders < 2; ++holders) pool.release(std::vector{first, second});
  EXPECT_EQ(pool.num_free(), 4);
  EXPECT_EQ(pool.find(kNoBlock, {1, 2}), first) << "a free block keeps its content";
  EXPECT_EQ(pool.num_free(), 3);
}

TEST(BlockPool, EqualBlocksHaveOneContent) {
  BlockPool pool(4);
  const auto first = pool.allocate(), copy = pool.allocate(), behind = pool.allocate();
  pool.publish(first, kNoBlock, {1, 2});
  pool.publish(copy, kNoBlock, {1, 2});
  pool.publish(behind, copy, {3, 4});
  EXPECT_EQ(pool.find(first, {3, 4}), behind);
  pool.release(copy);
  EXPECT_EQ(pool.find(kNoBlock, {1, 2}), first);
}

TEST(BlockPool, HandsOutTheLongestUnusedContentLast) {
  BlockPool pool(3);
  const std::vector blocks{pool.allocate(), pool.allocate()};
  pool.publish(blocks[0], kNoBlock, {1});
  pool.publish(blocks[1], blocks[0], {2});
  pool.release(blocks);
  const auto empty = pool.allocate();
  EXPECT_NE(empty, blocks[0]);
  EXPECT_NE(empty, blocks[1]);
  EXPECT_EQ(pool.allocate(), blocks[1]) << "the end of a sequence goes before its beginning";
  EXPECT_EQ(pool.find(kNoBlock, {1}), blocks[0]);
  EXPECT_EQ(pool.find(blocks[0], {2}), kNoBlock);
  EXPECT_EQ(pool.num_free(), 0);
}

TEST(BlockPool, ForgetsWhatOtherWeightsComputed) {
  BlockPool pool(2);
  const auto block = pool.allocate();
  pool.publish(block, kNoBlock, {1});
  pool.release(block);
  pool.forget_contents();
  EXPECT_EQ(pool.find(kNoBlock, {1}), kNoBlock);
  EXPECT_EQ(pool.num_free(), 2);
}

PromptGroup group_of(std::int64_t length, std::int64_t number, std::size_t samples = 1) {
  std::vector<data::TokenId> ids;
  for (std::int64_t i = 0; i < length; ++i)
    ids.push_back(static_cast<data::TokenId>(number * 100000 + i));
  PromptGroup group{std::make_shared<std::vector<data::TokenId>>(std::move(ids)), {}};
  for (std::size_t i = 0; i < samples; ++i)
    group.samples.push_back({{0, number, static_cast<std::int64_t>(i)}, 0});
  return group;
}

/// An engine whose samples end after the numbers of tokens that it is told.
class Simulation {
 public:
  Simulation(Scheduler& scheduler, std::vector<std::int64_t> lengths)
      : scheduler_(scheduler), lengths_(std::move(lengths)) {}

  /// Sequences that ran, in a step between admission and decoding.
  std::int64_t step(std::int64_t budget) {
    start();
    std::int64_t tokens = 0;
    for (const auto& piece : scheduler_.next_pieces(budget)) tokens += piece.end - piece.begin;
    EXPECT_LE(tokens, budget);
    while (auto* sequence = scheduler_.next_returned()) running_.insert(sequence);
    start();
    scheduler_.grow([](Sequence&, std::int32_t) {},
                    [this](Sequence& sequence) { running_.erase(&sequence); });
    const auto count = scheduler_.num_running();
    EXPECT_EQ(count, static_cast<std::int64_t>(running_.size()));
    for (auto* sequence : std::vector(running_.begin(), running_.end())) {
      ++sequence->launched;
      ++sequence->length;
      draw(*sequence);
    }
    return count;
  }

  std::set<std::int64_t> finished;  // numbers of prompts

 private:
  void start() {
    for (auto next = scheduler_.start_sample(); next.sequence != nullptr;
         next = scheduler_.start_sample()) {
      running_.insert(next.sequence);
      ++next.sequence->launched;
      draw(*next.sequence);
    }
  }
  void draw(Sequence& sequence) {
    sequence.completion.token_ids.push_back(7);
    const auto number = sequence.start.origin.request;
    const auto drawn = static_cast<std::int64_t>(sequence.completion.token_ids.size());
    ASSERT_GE(sequence.blocks.size() * 16, static_cast<std::size_t>(sequence.length));
    if (drawn < lengths_[static_cast<std::size_t>(number)]) return;
    finished.insert(number);
    running_.erase(&sequence);
    scheduler_.take_out(sequence);
  }

  Scheduler& scheduler_;
  std::vector<std::int64_t> lengths_;
  std::set<Sequence*> running_;
};

/// Log-normal with this mean, cut off at `most`.
std::vector<std::int64_t> answer_lengths(std::size_t count, double mean, std::int64_t most) {
  constexpr double kSigma = 1.0;
  std::vector<std::int64_t> lengths;
  for (std::size_t i = 0; i < count; ++i)
    lengths.push_back(std::clamp<std::int64_t>(
        std::llround(mean * std::exp(kSigma * base::normal(11, i) - kSigma * kSigma / 2.0)), 1,
        most));
  return lengths;
}

TEST(Scheduler, HoldsFourTimesTheSequencesOfAFullLengthReservation) {
  constexpr std::int64_t kLimit = 32768, kMean = 4096, kPrompt = 200, kBlock = 16, kReserved = 16;
  constexpr std::size_t kSamples = 2000, kWarmUp = 500;  // at first all are short
  BlockPool pool(kReserved * blocks_for(kPrompt + kLimit, kBlock));
  Scheduler scheduler(pool, {kBlock, 1024, kLimit, 1 << 20, true});
  for (std::size_t i = 0; i < kSamples; ++i)
    scheduler.add(group_of(kPrompt, static_cast<std::int64_t>(i)));
  Simulation simulation(scheduler, answer_lengths(kSamples, kMean, kLimit));

  double running = 0.0, steps = 0.0;
  while (scheduler.num_waiting() > 0) {
    const auto count = simulation.step(8192);
    if (scheduler.num_waiting() == 0) break;  // from here on fewer run than the cache holds
    if (simulation.finished.size() < kWarmUp) continue;
    running += static_cast<double>(count);
    ++steps;
  }
  while (scheduler.num_running() > 0) simulation.step(8192);

  RecordProperty("mean_running", std::to_string(running / steps));
  RecordProperty("preempted", std::to_string(scheduler.num_preempted()));
  EXPECT_GE(running / steps, 4.0 * kReserved);
  EXPECT_GT(scheduler.num_preempted(), 0);
  EXPECT_EQ(simulation.finished.size(), kSamples);
  EXPECT_EQ(pool.num_free(), pool.num_blocks());
}

TEST(Scheduler, SetsTheYoungestBackAheadOfWhatHasNotBegun) {
  constexpr std::int64_t kBlock = 16;
  BlockPool pool(8);
  Scheduler scheduler(pool, {kBlock, 8, 200, 1000, false});
  for (std::int64_t i = 0; i < 4; ++i) scheduler.add(group_of(10, i));
  std::vector<std::int64_t> set_back, returned;
  std::map<std::int64_t, Sequence*> running;
  for (int step = 0; step < 300 && (scheduler.num_running() + scheduler.num_waiting() > 0);
       ++step) {
    scheduler.next_pieces(100);
    while (auto* sequence = scheduler.next_returned()) {
      returned.push_back(sequence->age);
      running[sequence->age] = sequence;
    }
    for (auto next = scheduler.start_sample(); next.sequence; next = scheduler.start_sample()) {
      EXPECT_EQ(set_back.size(), returned.size()) << "those that were set back return first";
      running[next.sequence->age] = next.sequence;
      next.sequence->completion.token_ids.push_back(1);
      ++next.sequence->launched;
    }
    scheduler.grow([](Sequence&, std::int32_t) {},
                   [&](Sequence& sequence) {
                     EXPECT_EQ(sequence.age, running.rbegin()->first) << "not the youngest";
                     set_back.push_back(sequence.age);
                     running.erase(sequence.age);
                   });
    for (auto [age, sequence] : std::map(running)) {
      sequence->completion.token_ids.push_back(1);
      ++sequence->launched;
      if (++sequence->length < 100) continue;
      running.erase(age);
      scheduler.take_out(*sequence);
    }
  }
  EXPECT_GE(set_back.size(), 2u);
  EXPECT_EQ(set_back.size(), returned.size());
  EXPECT_EQ(pool.num_free(), 8);
}

/// Each step that gives blocks costs a GPU a transfer.
TEST(Scheduler, GivesTheBlocksOfSeveralStepsAtOnceWhileManyAreFree) {
  constexpr int kSteps = 64;
  BlockPool pool(200);
  Scheduler scheduler(pool, {16, 8, 100, 1000, false});
  for (std::int64_t i = 0; i < 8; ++i) scheduler.add(group_of(10 + 2 * i, i));
  scheduler.next_pieces(1000);
  std::vector<Sequence*> running;
  for (auto next = scheduler.start_sample(); next.sequence; next = scheduler.start_sample()) {
    running.push_back(next.sequence);
    ++next.sequence->launched;
  }
  ASSERT_EQ(running.size(), 8u);
  int giving_steps = 0;
  for (int step = 0; step < kSteps; ++step) {
    if (scheduler.missing_blocks() > 0) {
      ++giving_steps;
      scheduler.grow([](Sequence&, std::int32_t) {}, [](Sequence&) { FAIL(); });
    }
    EXPECT_EQ(scheduler.missing_blocks(), 0);
    for (auto* sequence : running) ++sequence->launched;
  }
  EXPECT_LE(giving_steps, 2 * kSteps / 16 + 1);
}

TEST(Scheduler, CutsPromptsAtTheBudgetAndGoesOnWithThem) {
  BlockPool pool(100);
  Scheduler scheduler(pool, {16, 8, 10, 1000, true});
  scheduler.add(group_of(50, 0));
  scheduler.add(group_of(20, 1));
  std::vector<std::pair<std::int64_t, std::int64_t>> pieces;
  for (auto found = scheduler.next_pieces(30); !found.empty(); found = scheduler.next_pieces(30))
    for (const auto& piece : found) pieces.emplace_back(piece.begin, piece.end);
  const std::vector<std::pair<std::int64_t, std::int64_t>> expected{
      {0, 30}, {30, 50}, {0, 10}, {10, 20}};
  EXPECT_EQ(pieces, expected);
}

TEST(Scheduler, PromptsThatBeginAlikeAreComputedOnceFromThere) {
  BlockPool pool(100);
  Scheduler scheduler(pool, {16, 8, 10, 1000, true});
  for (std::int64_t i = 0; i < 3; ++i) {
    auto ids = *group_of(40, 7).prompt;
    ids.push_back(static_cast<data::TokenId>(i));
    scheduler.add({std::make_shared<std::vector<data::TokenId>>(std::move(ids)), {{}}});
  }
  std::vector<std::int64_t> begins;
  for (const auto& piece : scheduler.next_pieces(1000)) begins.push_back(piece.begin);
  EXPECT_EQ(begins, (std::vector<std::int64_t>{0, 32, 32}));
  EXPECT_EQ(scheduler.num_found_tokens(), 64);
  EXPECT_EQ(scheduler.num_admitted_tokens(), 3 * 41);
}

}  // namespace
}  // namespace r1::generation
