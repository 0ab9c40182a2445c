// Samples whose turns are answered: the answers stand between the turns, only sampled tokens have
// log-probabilities, and a sample depends on nothing but weights, prompt, seed and answers.
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <deque>

#include "base/random.h"
#include "generation/engine.h"
#include "support/fixtures.h"
#include "unit/generation/completions.h"
#include "vocabulary/vocab_logprob.h"

namespace r1::generation {
namespace {

constexpr double kTemperature = 0.9;
constexpr std::int64_t kMaxNewTokens = 40;
constexpr std::size_t kMostAnswers = 3;

/// A sampled token of every third id ends a turn. The answer is a function of the tokens so far.
class Echo : public TurnTaker {
 public:
  explicit Echo(std::int64_t wait_steps = 2) : wait_steps_(wait_steps) {}

  static bool ends(data::TokenId id) { return id % 3 == 0; }
  static std::vector<data::TokenId> answer_to(std::span<const data::TokenId> ids) {
    std::vector<data::TokenId> answer;
    for (std::size_t i = 0; i < 2 + ids.size() % 3; ++i)
      answer.push_back(static_cast<data::TokenId>(10 + (ids.size() * 7 + i) % 200));
    return answer;
  }

  std::int64_t wait_steps() const override { return wait_steps_; }
  TurnEnd turn_end(const data::Completion& completion, bool ended) const override {
    if (ended || !ends(completion.token_ids.back())) return TurnEnd::No;
    return completion.answers.size() < kMostAnswers ? TurnEnd::Answered : TurnEnd::Last;
  }
  void ask(const SampleOrigin& origin, const data::Completion& completion, bool) override {
    groups.push_back(origin.group);
    asked_.push_back(completion.token_ids);
  }
  TurnAnswer next_answer() override {
    TurnAnswer answer;
    answer.token_ids = answer_to(asked_.front());
    answer.answer.call = std::to_string(asked_.front().size());
    asked_.pop_front();
    return answer;
  }
  void progress() override {}

  std::vector<std::int64_t> groups;

 protected:
  std::int64_t wait_steps_;
  std::deque<std::vector<data::TokenId>> asked_;
};

/// Says at the second question of a sample that the episode is over.
class Judge final : public Echo {
 public:
  void ask(const SampleOrigin& origin, const data::Completion& completion, bool ended) override {
    Echo::ask(origin, completion, ended);
    dones_.push_back(completion.answers.size() == 1);
  }
  TurnAnswer next_answer() override {
    auto answer = Echo::next_answer();
    answer.done = dones_.front();
    dones_.pop_front();
    return answer;
  }

 private:
  std::deque<bool> dones_;
};

std::vector<Request> some_requests() {
  std::vector<Request> requests;
  base::RandomStream stream(7);
  for (const std::size_t length : {5, 1, 16, 33}) {
    Request request;
    request.group = 100 + static_cast<std::int64_t>(requests.size());
    for (std::size_t i = 0; i < length; ++i)
      request.prompt_ids.push_back(static_cast<data::TokenId>(stream.integer(3, 319)));
    for (std::uint64_t i = 0; i < 3; ++i) request.seeds.push_back(10 * requests.size() + i);
    requests.push_back(std::move(request));
  }
  return requests;
}

SamplingOptions sampling() {
  SamplingOptions options;
  options.max_new_tokens = kMaxNewTokens;
  options.temperature = kTemperature;
  options.top_p = 0.95;
  return options;
}

class Turns : public ::testing::Test {
 protected:
  Completions run(EngineOptions options = {}, std::int64_t wait_steps = 2) {
    Echo echo(wait_steps);
    return run_with(echo, options);
  }
  Completions run_with(TurnTaker& turns, EngineOptions options = {}) {
    Engine engine(*model_, options);
    auto completions =
        engine.generate(requests_, sampling(), {{2}, {}}, {}, /*balancer=*/nullptr, &turns);
    statistics_ = engine.statistics();
    return completions;
  }

  std::unique_ptr<models::Model> model_ = test::load_fixture("llama", at::kDouble);
  std::vector<Request> requests_ = some_requests();
  GenerationStatistics statistics_;
};

TEST_F(Turns, AnswersStandBetweenTheTurns) {
  Echo echo;
  const auto completions = run_with(echo);
  std::size_t answers = 0;
  for (const auto& samples : completions) {
    for (const auto& completion : samples) {
      const std::span ids(completion.token_ids);
      std::size_t begin = 0;
      for (const auto& answer : completion.answers) {
        const auto place = static_cast<std::size_t>(answer.begin),
                   size = static_cast<std::size_t>(answer.end - answer.begin);
        EXPECT_TRUE(Echo::ends(ids[place - 1]));
        for (auto i = begin; i + 1 < place; ++i) EXPECT_FALSE(Echo::ends(ids[i])) << i;
        const auto given = ids.subspan(place, size);
        EXPECT_EQ(std::vector(given.begin(), given.end()), Echo::answer_to(ids.first(place)));
        EXPECT_EQ(answer.call, std::to_string(place));
        begin = place + size;
        ++answers;
      }
      EXPECT_LE(completion.answers.size(), kMostAnswers);
      EXPECT_EQ(static_cast<std::int64_t>(completion.logprobs.size()),
                data::num_sampled(completion));
      EXPECT_EQ(completion.kept_mass.size(), completion.logprobs.size());
      EXPECT_LE(ids.size(), static_cast<std::size_t>(kMaxNewTokens));
      if (completion.finish_reason == data::FinishReason::Stop) {
        EXPECT_TRUE(ids.back() == 2 || Echo::ends(ids.back()));
      }
    }
  }
  EXPECT_GT(answers, 12u);
  EXPECT_EQ(echo.groups.size(), static_cast<std::size_t>(statistics_.calls));
  for (const auto group : echo.groups) EXPECT_TRUE(group >= 100 && group < 104) << group;
}

TEST_F(Turns, LogProbabilitiesOfSampledTokensEqualTheTrainers) {
  const auto completions = run();
  const c10::InferenceMode inference;
  for (std::size_t r = 0; r < requests_.size(); ++r) {
    for (const auto& completion : completions[r]) {
      std::vector<std::int64_t> ids(requests_[r].prompt_ids.begin(), requests_[r].prompt_ids.end());
      ids.insert(ids.end(), completion.token_ids.begin(), completion.token_ids.end());
      const auto targets = at::tensor(ids, at::kLong).slice(0, 1);
      ids.pop_back();
      const auto hidden = model_->forward(test::packed_input({ids}, {}, at::kDouble));
      const auto logprobs =
          vocabulary::vocab_logprobs(hidden, model_->head(), targets, kTemperature).logprobs;
      auto row = static_cast<std::int64_t>(requests_[r].prompt_ids.size()) - 1;
      const auto mask = data::sampled_mask(completion);
      std::size_t next = 0;
      for (std::size_t i = 0; i < completion.token_ids.size(); ++i, ++row) {
        if (!mask.empty() && mask[i] == 0) continue;
        EXPECT_NEAR(logprobs[row].item<double>(), completion.logprobs[next++], kRounding) << i;
      }
      EXPECT_EQ(next, completion.logprobs.size());
    }
  }
}

TEST_F(Turns, DependOnNothingElseThatRuns) {
  const auto expected = run();
  for (const std::int64_t slots : {1, 3, 64}) expect_same(run({.max_num_seqs = slots}), expected);
  for (const std::int64_t size : {1, 4, 7, 64}) expect_same(run({.block_size = size}), expected);
  for (const std::int64_t steps : {0, 1, 1000}) expect_same(run({}, steps), expected);
  expect_same(run({.kv_cache_blocks = 12, .max_num_batched_tokens = 8}), expected);
  expect_same(run({.enable_prefix_caching = false}), expected);
}

/// Of a prompt without a full block: what is found is what the turn before the answer left.
TEST_F(Turns, ContinueFromWhatTheCacheHas) {
  constexpr std::int64_t kBlock = 4;
  std::int64_t found = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    requests_ = {{{5}, {seed}}};
    Judge judge;
    const auto completion = run_with(judge, {.block_size = kBlock})[0][0];
    const bool continued =
        !completion.answers.empty() && completion.answers[0].end > completion.answers[0].begin;
    const auto expected = continued ? completion.answers[0].begin / kBlock * kBlock : 0;
    EXPECT_EQ(statistics_.prefix_tokens, expected) << seed;
    found += expected;
  }
  EXPECT_GT(found, 0);
}

TEST_F(Turns, AnAnswerWithoutRoomEndsTheSample) {
  requests_.resize(1);
  requests_[0].seeds.resize(1);
  const auto whole = run();
  ASSERT_FALSE(whole[0][0].answers.empty());
  const auto& first = whole[0][0].answers[0];
  auto options = sampling();
  for (const auto& [most, has_answer] : {std::pair{first.end, false}, {first.end + 1, true}}) {
    Echo echo;
    options.max_new_tokens = most;
    Engine engine(*model_, {});
    const auto cut = engine.generate(requests_, options, {{2}, {}}, {}, nullptr, &echo)[0][0];
    EXPECT_EQ(cut.finish_reason, data::FinishReason::Length);
    EXPECT_EQ(cut.answers.size(), has_answer ? 1u : 0u) << most;
    EXPECT_EQ(static_cast<std::int64_t>(cut.token_ids.size()), has_answer ? most : first.begin);
    EXPECT_TRUE(
        std::equal(cut.token_ids.begin(), cut.token_ids.end(), whole[0][0].token_ids.begin()));
  }
}

TEST_F(Turns, AnEnvironmentEndsTheEpisode) {
  Judge judge;
  const auto completions = run_with(judge);
  std::size_t ended = 0;
  for (const auto& samples : completions)
    for (const auto& completion : samples) {
      if (completion.answers.size() < 2) continue;
      ++ended;
      EXPECT_EQ(completion.finish_reason, data::FinishReason::Stop);
      EXPECT_EQ(completion.answers.size(), 2u);
      EXPECT_EQ(completion.answers[1].begin, completion.answers[1].end);
      EXPECT_EQ(completion.answers[1].end, static_cast<std::int64_t>(completion.token_ids.size()));
    }
  EXPECT_GT(ended, 0u);
}

/// A stop text is looked for in what the model wrote.
TEST_F(Turns, AnswersStopNothing) {
  const auto free = run();
  const auto& answered = free[0][0];
  ASSERT_FALSE(answered.answers.empty());
  const auto given = answered.token_ids[static_cast<std::size_t>(answered.answers[0].begin)];
  auto options = sampling();
  options.stop = {fmt::format("<{}>", given)};
  const auto decode = [](std::span<const data::TokenId> ids) {
    std::string text;
    for (const auto id : ids) text += fmt::format("<{}>", id);
    return text;
  };
  Echo echo;
  Engine engine(*model_, {});
  const auto stopped = engine.generate(requests_, options, {{2}, decode}, {}, nullptr, &echo)[0][0];
  const auto begin = answered.answers[0].end;
  ASSERT_GT(static_cast<std::int64_t>(stopped.token_ids.size()), begin);
  EXPECT_TRUE(std::equal(stopped.token_ids.begin(), stopped.token_ids.begin() + begin,
                         answered.token_ids.begin()));
}

}  // namespace
}  // namespace r1::generation
