// Samples that another engine finishes are those that their own would have finished.
#include <gtest/gtest.h>

#include <utility>

#include "base/random.h"
#include "generation/engine.h"
#include "support/fixtures.h"
#include "unit/generation/completions.h"

namespace r1::generation {
namespace {

SamplingOptions short_answers() {
  SamplingOptions sampling;
  sampling.max_new_tokens = 14;
  sampling.temperature = 0.9;
  sampling.top_p = 0.95;
  return sampling;
}

/// Five prompts of different lengths, three samples each.
std::vector<Request> requests_to_balance() {
  std::vector<Request> requests;
  base::RandomStream stream(3);
  for (const std::size_t length : {5, 1, 16, 33, 8}) {
    Request request;
    for (std::size_t i = 0; i < length; ++i)
      request.prompt_ids.push_back(static_cast<data::TokenId>(stream.integer(3, 99)));
    for (std::uint64_t i = 0; i < 3; ++i) request.seeds.push_back(10 * requests.size() + i);
    requests.push_back(std::move(request));
  }
  return requests;
}

/// An engine without samples of its own, which gets `samples` at its first balance.
class Host final : public Balancer {
 public:
  Host(std::vector<MovedSample> samples, std::int64_t longest_prompt)
      : samples_(std::move(samples)), longest_prompt_(longest_prompt) {}
  std::int64_t engine() const override { return 1; }
  std::int64_t interval() const override { return 3; }
  std::int64_t longest_prompt() const override { return longest_prompt_; }
  std::int64_t most_samples() const override { return 2; }
  bool balance(SamplePool& pool) override {
    pool.take(std::exchange(samples_, {}));
    return pool.load().unfinished() > 0;
  }
  std::vector<FinishedSample> settle(std::vector<FinishedSample> guests) override {
    finished = std::move(guests);
    return {};
  }

  std::vector<FinishedSample> finished;

 private:
  std::vector<MovedSample> samples_;
  std::int64_t longest_prompt_;
};

/// What an engine gives away at its n-th balance.
struct Given {
  std::int64_t waiting = 0, running = 0;
};

/// Gives samples away at the first balances; another engine finishes them at the end.
class Giver final : public Balancer {
 public:
  Giver(const models::Model& model, EngineOptions options, std::vector<Given> given)
      : model_(model), options_(options), given_(std::move(given)) {}
  std::int64_t engine() const override { return 0; }
  std::int64_t interval() const override { return 4; }
  std::int64_t longest_prompt() const override { return 33; }
  std::int64_t most_samples() const override { return 1; }
  bool balance(SamplePool& pool) override {
    if (round_ < given_.size()) {
      const auto before = pool.load();
      const auto [waiting, running] = given_[round_++];
      EXPECT_GE(before.waiting, waiting);
      EXPECT_GE(before.running, running);
      for (auto& sample : pool.give(waiting, running)) {
        EXPECT_EQ(sample.completion.token_ids.empty(), moved_.size() < expected_fresh());
        moved_.push_back(std::move(sample));
      }
      EXPECT_EQ(pool.load().unfinished(), before.unfinished() - waiting - running);
    }
    return pool.load().unfinished() > 0;
  }
  std::vector<FinishedSample> settle(std::vector<FinishedSample> guests) override {
    EXPECT_TRUE(guests.empty());
    Host host(std::exchange(moved_, {}), longest_prompt());
    Engine engine(model_, options_);
    EXPECT_TRUE(engine.generate({}, short_answers(), {{2}, {}}, {}, &host).empty());
    round_ = 0;
    return std::move(host.finished);
  }

 private:
  std::size_t expected_fresh() const { return static_cast<std::size_t>(given_[0].waiting); }

  const models::Model& model_;
  EngineOptions options_;
  std::vector<Given> given_;
  std::size_t round_ = 0;
  std::vector<MovedSample> moved_;
};

constexpr std::int64_t kAmple = 40, kScarce = 16;  // blocks of 4 tokens; the longest sample has 12

class MovedSamples : public ::testing::TestWithParam<
                         std::tuple<const char*, std::vector<Given>, std::int64_t, std::int64_t>> {
};

/// Twice with one engine: blocks that were not given back would be missing in the second call.
TEST_P(MovedSamples, AreTheSame) {
  const auto& [fixture, given, slots, blocks] = GetParam();
  const auto model = test::load_fixture(fixture, at::kDouble);
  const auto requests = requests_to_balance();
  const EngineOptions options{.max_num_seqs = slots, .block_size = 4, .kv_cache_blocks = blocks};
  Engine engine(*model, options);
  const auto expected = engine.generate(requests, short_answers(), {{2}, {}});
  Giver giver(*model, options, given);
  for (int call = 0; call < 2; ++call)
    expect_same(engine.generate(requests, short_answers(), {{2}, {}}, {}, &giver), expected);
}

INSTANTIATE_TEST_SUITE_P(
    Generation, MovedSamples,
    ::testing::Values(std::tuple{"llama", std::vector<Given>{{7, 0}}, 4, kAmple},
                      std::tuple{"llama", std::vector<Given>{{12, 0}}, 3, kAmple},
                      std::tuple{"llama", std::vector<Given>{{0, 2}}, 3, kAmple},
                      std::tuple{"llama", std::vector<Given>{{2, 2}, {0, 1}}, 3, kAmple},
                      std::tuple{"llama", std::vector<Given>{{2, 1}, {0, 1}}, 4, kScarce},
                      std::tuple{"deepseek_v3", std::vector<Given>{{2, 2}}, 3, kAmple}));

}  // namespace
}  // namespace r1::generation
