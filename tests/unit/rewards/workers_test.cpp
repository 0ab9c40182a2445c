#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "base/errors.h"
#include "rewards/combine.h"
#include "rewards/workers/messages.h"
#include "rewards/workers/spawner.h"
#include "rewards/workers/wire.h"
#include "support/processes.h"

namespace r1::rewards::workers {
namespace {

RewardOptions options_of(std::initializer_list<const char*> parts, std::int64_t workers) {
  RewardOptions options;
  for (const char* part : parts) options.parts.push_back({part, 0.5, ""});
  options.workers = workers;
  return options;
}

std::vector<RewardInput> samples(int count) {
  std::vector<RewardInput> inputs(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    auto& input = inputs[static_cast<std::size_t>(i)];
    input.answer = std::to_string(i);
    input.completion = "<think>one. two \xff\xfe</think> <answer>" +
                       std::to_string(i % 3 == 0 ? i : i + 1) + "</answer>";
  }
  return inputs;
}

void expect_equal(const std::vector<data::Reward>& a, const std::vector<data::Reward>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].total, b[i].total) << i;
    EXPECT_EQ(a[i].parts, b[i].parts) << i;
    EXPECT_EQ(a[i].reason, b[i].reason) << i;
    EXPECT_EQ(a[i].drop, b[i].drop) << i;
  }
}

}  // namespace

TEST(Wire, FramesComeOutOfAnyPieces) {
  const std::string bytes = frame("first") + frame("") + frame(std::string(100000, 'x'));
  FrameBuffer buffer;
  std::vector<std::string> found;
  for (std::size_t i = 0; i < bytes.size(); i += 7) {
    buffer.append(bytes.data() + i, std::min<std::size_t>(7, bytes.size() - i));
    while (const auto payload = buffer.next()) found.push_back(*payload);
  }
  EXPECT_EQ(found, (std::vector<std::string>{"first", "", std::string(100000, 'x')}));
}

TEST(Wire, RefusesDamagedFrames) {
  for (const std::size_t position : {0u, 7u, 9u, 14u}) {  // magic, length, CRC, payload
    std::string bytes = frame("payload");
    bytes[position] = static_cast<char>(bytes[position] ^ 0x40);
    FrameBuffer buffer;
    buffer.append(bytes.data(), bytes.size());
    EXPECT_THROW(buffer.next(), WireError) << position;
  }
}

TEST(Wire, MessagesReadBackAndEndEarlyWithAnError) {
  RewardOptions options = options_of({"format", "length"}, 3);
  options.quality.operators = {"=", "\xe2\x88\x9a"};
  options.code.test_seconds = 0.25;
  const std::string payload = pack(options);
  const RewardOptions back = unpack_options(payload);
  EXPECT_EQ(back.parts.at(1).name, "length");
  EXPECT_EQ(back.quality.operators, options.quality.operators);
  EXPECT_EQ(back.code.test_seconds, 0.25);
  EXPECT_EQ(back.workers, 3);
  for (std::size_t size = 0; size < payload.size(); size += 11)
    EXPECT_THROW(unpack_options(payload.substr(0, size)), WireError);
}

TEST(WorkerProcesses, ScoresAsTheProgramItself) {
  const Spawner spawner;
  const auto inputs = samples(200);
  const auto here = CombinedReward(options_of({"correctness", "format"}, 0)).score(inputs);
  const CombinedReward there(options_of({"correctness", "format"}, 2));
  expect_equal(there.score(inputs), here);
  expect_equal({there.score_one(inputs[3])}, {here[3]});
  EXPECT_EQ(children_of(spawner.pid()).size(), 2u);
}

TEST(WorkerProcesses, KilledWorkersAreReplacedAndChangeNothing) {
  const Spawner spawner;
  const auto inputs = samples(3000);
  const auto here = CombinedReward(options_of({"correctness", "readability"}, 0)).score(inputs);
  const CombinedReward there(options_of({"correctness", "readability"}, 2));
  there.start();
  std::atomic<bool> done{false};
  std::thread killer([&] {  // fewer than one sample may lose
    for (int i = 0; i < 2 && !done; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(40));
      const auto workers = children_of(spawner.pid());
      if (!workers.empty()) ::kill(workers[0], SIGKILL);
    }
  });
  const auto rewards = there.score(inputs);
  done = true;
  killer.join();
  expect_equal(rewards, here);
  for (const pid_t idle : children_of(spawner.pid())) ::kill(idle, SIGKILL);
  expect_equal(there.score(inputs), here);
}

TEST(WorkerProcesses, ASampleOverItsBudgetCostsItselfOnly) {
  const Spawner spawner;
  const auto inputs = samples(50);
  const auto here = CombinedReward(options_of({"correctness", "format"}, 0)).score(inputs);
  auto options = options_of({"correctness", "format"}, 1);
  options.limits.sample_seconds = 0.5;
  const CombinedReward there(options);
  there.start();
  for (const pid_t worker : children_of(spawner.pid())) ::kill(worker, SIGSTOP);  // never answers
  const auto rewards = there.score(inputs);
  EXPECT_EQ(rewards[0].reason, "timeout");
  EXPECT_EQ(rewards[0].total, 0.0);
  EXPECT_EQ(rewards[0].parts, (std::map<std::string, double>{{"correctness", 0}, {"format", 0}}));
  expect_equal({rewards.begin() + 1, rewards.end()}, {here.begin() + 1, here.end()});
}

/// Of one worker that never answers, the other samples wait in vain.
std::vector<data::Reward> scores_within(const ScoreBudget& budget) {
  const Spawner spawner;
  auto options = options_of({"correctness", "format"}, 1);
  options.limits.sample_seconds = 1000.0;
  const CombinedReward reward(options);
  reward.start();
  for (const pid_t worker : children_of(spawner.pid())) ::kill(worker, SIGSTOP);
  auto rewards = reward.score(samples(5), budget);
  expect_equal(reward.score(samples(5)),  // by the worker that took its place
               CombinedReward(options_of({"correctness", "format"}, 0)).score(samples(5)));
  return rewards;
}

TEST(WorkerProcesses, WhatIsNotScoredWithinTheStepsTimeScoresZero) {
  for (const auto& reward : scores_within({0.3, {}})) {
    EXPECT_EQ(reward.reason, "step_limit");
    EXPECT_EQ(reward.total, 0.0);
    EXPECT_EQ(reward.parts, (std::map<std::string, double>{{"correctness", 0}, {"format", 0}}));
    EXPECT_FALSE(reward.drop);
  }
}

TEST(WorkerProcesses, ScoringIsCutShort) {
  int asked = 0;
  for (const auto& reward : scores_within({1000.0, [&] { return ++asked > 3; }}))
    EXPECT_EQ(reward.reason, "cut_short");
}

TEST(WorkerProcesses, ThreadsStopBetweenSamples) {
  for (const std::int64_t threads : {1, 3}) {
    auto options = options_of({"format"}, 0);
    options.threads = threads;
    int asked = 0;
    const auto rewards =
        CombinedReward(options).score(samples(20), {1000.0, [&] { return ++asked > 8; }});
    EXPECT_EQ(std::count_if(rewards.begin(), rewards.end(),
                            [](const auto& reward) { return reward.reason == "cut_short"; }),
              12)
        << threads;
  }
}

TEST(WorkerProcesses, ASampleThatEndsItsWorkersHasTheReasonLimit) {
  const Spawner spawner;
  auto options = options_of({"repetition"}, 1);
  options.limits.memory_mib = 128;
  auto inputs = samples(3);
  for (int i = 0; i < 3000000; ++i) inputs[1].completion += "a" + std::to_string(i) + " ";
  const auto rewards = CombinedReward(options).score(inputs);
  EXPECT_EQ(rewards[0].reason, "");
  EXPECT_EQ(rewards[1].reason, "limit");
  EXPECT_EQ(rewards[1].total, 0.0);
  EXPECT_EQ(rewards[2].parts.at("repetition"), rewards[0].parts.at("repetition"));
}

TEST(WorkerProcesses, HostileAnswersCostNobodyElse) {
  const Spawner spawner;
  auto inputs = samples(30);
  const auto here = CombinedReward(options_of({"correctness", "format"}, 0)).score(inputs);
  const std::string deep(20000, '(');
  const std::string texts[] = {"5^(5^(5^5))",
                               deep + "1" + std::string(20000, ')'),
                               deep,
                               "10^10^10 mod 7",
                               std::string(1 << 20, '9'),
                               "2004!!!!!!!!",
                               std::string(300000, '{'),
                               "\\frac" + std::string(100000, '1')};
  auto hostile = inputs;
  for (std::size_t i = 0; i < std::size(texts); ++i)
    hostile[3 * i + 1].completion = "<think>a</think> <answer>\\boxed{" + texts[i] + "}</answer>";
  const auto rewards = CombinedReward(options_of({"correctness", "format"}, 2)).score(hostile);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (i % 3 == 1 && i / 3 < std::size(texts))
      EXPECT_LT(rewards[i].parts.at("correctness"), 1.0) << i;
    else
      EXPECT_EQ(rewards[i].total, here[i].total) << i;
  }
}

TEST(WorkerProcesses, SaysWhatIsMissing) {
  EXPECT_THROW(CombinedReward(options_of({"format"}, 1)).start(), base::ConfigError);  // no spawner
  ::setenv("R1_WORKER", "/nowhere/r1mpi_worker", 1);
  const Spawner spawner;
  ::unsetenv("R1_WORKER");
  try {
    CombinedReward(options_of({"format"}, 1)).start();
    FAIL() << "started";
  } catch (const base::ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("/nowhere/r1mpi_worker"), std::string::npos);
  }
}

TEST(Spawner, EndsWithAllItsWorkers) {
  std::vector<pid_t> processes;
  {
    const Spawner spawner;
    const CombinedReward reward(options_of({"format"}, 2));
    reward.start();
    processes = children_of(spawner.pid());
    processes.push_back(spawner.pid());
    for (const pid_t worker : processes) ::kill(worker, SIGTERM);  // ignored: a scheduler's
    EXPECT_EQ(reward.score(samples(5)).size(), 5u);
  }
  EXPECT_EQ(processes.size(), 3u);
  for (const pid_t process : processes) EXPECT_NE(::kill(process, 0), 0) << process;
}

}  // namespace r1::rewards::workers
