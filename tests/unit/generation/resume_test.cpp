// Samples that a call leaves unfinished and a later call continues are those of one call.
#include <gtest/gtest.h>

#include "base/random.h"
#include "generation/engine.h"
#include "support/fixtures.h"
#include "unit/generation/completions.h"
#include "unit/generation/stopper.h"

namespace r1::generation {
namespace {

SamplingOptions resumed_answers() {
  SamplingOptions sampling;
  sampling.max_new_tokens = 30;
  sampling.top_p = 0.95;
  return sampling;
}

std::vector<Request> requests_to_resume() {
  std::vector<Request> requests;
  base::RandomStream stream(3);
  for (const std::size_t length : {5, 1, 16, 33}) {
    auto& request = requests.emplace_back();
    request.group = static_cast<std::int64_t>(10 + requests.size());
    while (request.prompt_ids.size() < length)
      request.prompt_ids.push_back(static_cast<data::TokenId>(stream.integer(3, 99)));
    for (std::uint64_t i = 0; i < 3; ++i) request.seeds.push_back(10 * requests.size() + i);
  }
  return requests;
}

class Resumed : public ::testing::TestWithParam<std::tuple<const char*, int>> {};

/// With few slots some samples have not begun when the first call ends.
TEST_P(Resumed, SamplesAreThoseOfOneCall) {
  const auto& [fixture, slots] = GetParam();
  const auto model = test::load_fixture(fixture, at::kDouble);
  const EngineOptions options{.max_num_seqs = slots, .block_size = 4};
  const auto engine_of = [&] {
    auto engine = std::make_unique<Engine>(*model, options);
    if (model->shape().experts.num_experts > 0) engine->record_experts();
    return engine;
  };
  auto requests = requests_to_resume();
  const auto expected = engine_of()->generate(requests, resumed_answers(), {{2}, {}});
  const auto engine = engine_of();
  Completions found(requests.size(), std::vector<data::Completion>(3));
  std::size_t num_finished = 0, num_begun = 0;
  for (int call = 0; num_finished < 12; ++call) {
    ASSERT_LT(call, 100);
    std::vector<Request> left;
    std::vector<std::vector<data::Completion*>> places;
    for (std::size_t r = 0; r < requests.size(); ++r) {
      Request request{requests[r].prompt_ids, {}, requests[r].group, {}};
      auto& of_request = places.emplace_back();
      for (std::size_t i = 0; i < 3; ++i) {
        if (call > 0 && found[r][i].finish_reason != data::FinishReason::Unfinished) continue;
        request.seeds.push_back(requests[r].seeds[i]);
        request.begun.push_back(found[r][i]);
        num_begun += found[r][i].token_ids.empty() ? 0 : 1;
        of_request.push_back(&found[r][i]);
      }
      left.push_back(std::move(request));
    }
    Stopper stopper(2);
    auto completions = engine->generate(left, resumed_answers(), {{2}, {}}, {}, &stopper);
    std::size_t finished_now = 0;
    for (std::size_t r = 0; r < left.size(); ++r)
      for (std::size_t i = 0; i < left[r].seeds.size(); ++i) {
        finished_now += completions[r][i].finish_reason != data::FinishReason::Unfinished ? 1 : 0;
        *places[r][i] = std::move(completions[r][i]);
      }
    EXPECT_EQ(stopper.finished_groups.size(), finished_now);
    num_finished += finished_now;
  }
  EXPECT_GT(num_begun, 0u);
  expect_same(found, expected);
  for (std::size_t r = 0; r < expected.size(); ++r)
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(found[r][i].experts, expected[r][i].experts);
}

INSTANTIATE_TEST_SUITE_P(Generation, Resumed,
                         ::testing::Combine(::testing::Values("llama", "deepseek_v3"),
                                            ::testing::Values(3, 64)));

TEST(ResumedLimit, ASampleThatHasTheLowerLimitOfNowEnds) {
  const auto model = test::load_fixture("llama", at::kDouble);
  Engine engine(*model, {.block_size = 4});
  Request request{{3, 4}, {1, 2}, 0, std::vector<data::Completion>(2)};
  for (int i = 0; i < 7; ++i) {
    request.begun[0].token_ids.push_back(5);
    request.begun[0].logprobs.push_back(-1.0);
  }
  auto sampling = resumed_answers();
  sampling.max_new_tokens = 7;
  sampling.ignore_eos = true;
  const auto completions = engine.generate(std::span(&request, 1), sampling, {{2}, {}}).front();
  EXPECT_EQ(completions[0].token_ids, request.begun[0].token_ids);
  EXPECT_EQ(completions[0].finish_reason, data::FinishReason::Length);
  EXPECT_EQ(completions[1].token_ids.size(), 7u);
}

/// Measurements: lengths of a log-normal distribution, by the seed alone.
TEST(Lengths, AreLogNormal) {
  const auto model = test::load_fixture("llama", at::kDouble);
  Engine engine(*model, {.max_num_seqs = 200, .block_size = 4});
  Request request{{3}, {}, 0, {}};
  for (std::uint64_t i = 0; i < 200; ++i) request.seeds.push_back(i);
  SamplingOptions sampling;
  sampling.max_new_tokens = 40;
  sampling.ignore_eos = true;
  sampling.median_length = 8.0;
  sampling.length_sigma = 0.5;
  const auto completions = engine.generate(std::span(&request, 1), sampling, {{2}, {}}).front();
  std::vector<std::size_t> lengths;
  for (const auto& completion : completions) lengths.push_back(completion.token_ids.size());
  std::sort(lengths.begin(), lengths.end());
  EXPECT_NEAR(static_cast<double>(lengths[100]), 8.0, 1.0);
  EXPECT_NEAR(static_cast<double>(lengths[168]), 8.0 * std::exp(0.5), 2.5);  // one sigma above
}

}  // namespace
}  // namespace r1::generation
