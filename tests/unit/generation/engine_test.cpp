// The engine on the Llama fixture: greedy ids as transformers', and completions that depend on
// weights, prompt and seed alone.
#include "generation/engine.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "models/registry.h"
#include "models/weights.h"
#include "support/fixtures.h"
#include "unit/generation/completions.h"
#include "vocabulary/vocab_logprob.h"

namespace r1::generation {
namespace {

std::vector<data::TokenId> random_prompt(std::size_t length, std::uint64_t seed) {
  base::RandomStream stream(seed);
  std::vector<data::TokenId> ids;
  for (std::size_t i = 0; i < length; ++i)
    ids.push_back(static_cast<data::TokenId>(stream.integer(3, 319)));
  return ids;
}

/// Seven prompts of different lengths (one as long as a block, one longer), three samples each.
std::vector<Request> mixed_requests() {
  std::vector<Request> requests;
  for (const std::size_t length : {5, 1, 16, 33, 8, 15, 17}) {
    const auto number = static_cast<std::uint64_t>(requests.size());
    requests.push_back(
        {random_prompt(length, 100 + number), {number * 10 + 1, number * 10 + 2, number * 10 + 3}});
  }
  return requests;
}

Completions run(const models::Model& model, const std::vector<Request>& requests,
                EngineOptions options = {}) {
  SamplingOptions sampling;
  sampling.max_new_tokens = 12;
  sampling.temperature = 0.9;
  Engine engine(model, options);
  return engine.generate(requests, sampling, {{2}, {}});
}

/// With few slots some samples run, some wait, and some prompts are not in the cache.
TEST(Engine, ACutLeavesTheTokensThatAreDrawn) {
  const auto model = test::load_fixture("llama", at::kDouble);
  const auto requests = mixed_requests();
  EngineOptions options;
  options.max_num_seqs = 4;
  SamplingOptions sampling;
  sampling.max_new_tokens = 12;
  sampling.temperature = 0.9;
  sampling.ignore_eos = true;
  Engine engine(*model, options);
  const auto whole = engine.generate(requests, sampling, {{2}, {}});
  int steps = 0;
  const auto cut = engine.generate(requests, sampling, {{2}, {}}, [&] { return ++steps < 20; });
  EXPECT_EQ(steps, 20);
  int num_whole = 0, num_begun = 0, num_empty = 0;
  for (std::size_t r = 0; r < whole.size(); ++r)
    for (std::size_t s = 0; s < whole[r].size(); ++s) {
      const auto& found = cut[r][s];
      const auto& ids = whole[r][s].token_ids;
      ASSERT_LE(found.token_ids.size(), ids.size());
      EXPECT_TRUE(std::equal(found.token_ids.begin(), found.token_ids.end(), ids.begin()));
      EXPECT_EQ(found.logprobs.size(), found.token_ids.size());
      EXPECT_EQ(found.finish_reason, data::FinishReason::Length);
      ++(found.token_ids.empty() ? num_empty : found.token_ids == ids ? num_whole : num_begun);
    }
  EXPECT_GT(num_whole, 0);
  EXPECT_GT(num_begun, 0);
  EXPECT_GT(num_empty, 0);
  expect_same_ids(engine.generate(requests, sampling, {{2}, {}}), whole);  // nothing is left behind
}

class GreedyFixture : public ::testing::TestWithParam<std::tuple<const char*, at::ScalarType>> {};

TEST_P(GreedyFixture, GreedyIdsEqualTransformers) {
  const auto [fixture, dtype] = GetParam();
  const auto model = test::load_fixture(fixture, dtype);
  const auto inputs =
      test::read_json(test::data_path(std::string("models/") + fixture + "/inputs.json"));
  std::vector<Request> requests;
  std::vector<std::vector<data::TokenId>> expected;
  for (std::size_t i = 0; i < inputs["sequences"].size(); ++i) {
    const auto& sequence = inputs["sequences"][i];
    if (sequence["position_ids"][0] != 0) continue;  // the engine counts positions from 0
    auto ids = sequence["input_ids"].get<std::vector<data::TokenId>>();
    ids.resize(sequence["length"].get<std::size_t>());
    requests.push_back({ids, {0}});
    expected.push_back(inputs["greedy"]["token_ids"][i].get<std::vector<data::TokenId>>());
  }
  ASSERT_EQ(requests.size(), 2u);
  SamplingOptions sampling;
  sampling.greedy = true;
  sampling.ignore_eos = true;
  sampling.max_new_tokens = 16;
  Engine engine(*model, {});
  const auto completions = engine.generate(requests, sampling, {{2}, {}});
  for (std::size_t i = 0; i < requests.size(); ++i)
    EXPECT_EQ(completions[i][0].token_ids, expected[i]) << "sequence " << i;
}

INSTANTIATE_TEST_SUITE_P(Fixtures, GreedyFixture,
                         ::testing::Combine(::testing::Values("llama", "llama31", "qwen2", "qwen3",
                                                              "deepseek_v3", "deepseek_v3_noqlora"),
                                            ::testing::Values(at::kFloat, at::kDouble)));

class EngineInvariance : public ::testing::Test {
 protected:
  std::unique_ptr<models::Model> model_ = test::load_fixture("llama", at::kDouble);
  std::vector<Request> requests_ = mixed_requests();
};

TEST_F(EngineInvariance, NotOfWhatElseIsInTheBatch) {
  const auto together = run(*model_, requests_);
  for (std::size_t r = 0; r < requests_.size(); ++r)
    expect_same_ids(run(*model_, {requests_[r]}), {together[r]});
}

TEST_F(EngineInvariance, NotOfTheNumberOfSlots) {
  const auto expected = run(*model_, requests_);
  for (const std::int64_t slots : {1, 3, 64})
    expect_same_ids(run(*model_, requests_, {.max_num_seqs = slots}), expected);
}

TEST_F(EngineInvariance, NotOfTheBlockSize) {
  const auto expected = run(*model_, requests_);
  for (const std::int64_t size : {1, 4, 7, 64})
    expect_same_ids(run(*model_, requests_, {.block_size = size}), expected);
}

TEST_F(EngineInvariance, NotOfTheCacheSizeOrThePrefillCut) {
  const auto expected = run(*model_, requests_);
  expect_same_ids(run(*model_, requests_, {.kv_cache_blocks = 12, .max_num_batched_tokens = 8}),
                  expected);
}

TEST_F(EngineInvariance, SamplesOfAPromptEqualSeparateRequests) {
  const auto together = run(*model_, requests_);
  std::vector<Request> separate;
  for (const auto& request : requests_)
    for (const auto seed : request.seeds) separate.push_back({request.prompt_ids, {seed}});
  Completions joined;
  for (auto& completions : run(*model_, separate)) {
    if (joined.empty() || joined.back().size() == 3) joined.emplace_back();
    joined.back().push_back(std::move(completions[0]));
  }
  expect_same_ids(joined, together);
}

TEST_F(EngineInvariance, OtherSeedsGiveOtherSamples) {
  const auto completions = run(*model_, {requests_[0]});
  EXPECT_NE(completions[0][0].token_ids, completions[0][1].token_ids);
}

/// The fixture with adapters that change what the model says.
std::unique_ptr<models::Model> load_adapted_fixture() {
  const auto files = models::open_model(test::data_path("models/llama"));
  auto shape = files.shape;
  shape.lora = {.r = 4};
  auto model = models::make_model(shape, at::kFloat, at::kCPU);
  models::load_weights(*model, *files.weights);
  for (const auto& adapter : model->adapters()) {
    models::randomize(adapter, 1);
    adapter.value.mul_(10.0);
  }
  return model;
}

void expect_logprobs_of_trainer(const models::Model& model) {
  constexpr double kMean = 1e-5, kMax = 1e-4;  // fp32
  constexpr double kTemperature = 0.9;
  const auto requests = mixed_requests();
  const auto completions = run(model, requests);
  const c10::InferenceMode inference;
  double sum = 0.0, largest = 0.0;
  std::int64_t count = 0;
  for (std::size_t r = 0; r < requests.size(); ++r) {
    for (const auto& completion : completions[r]) {
      std::vector<std::int64_t> ids(requests[r].prompt_ids.begin(), requests[r].prompt_ids.end());
      ids.insert(ids.end(), completion.token_ids.begin(), completion.token_ids.end());
      const auto targets = at::tensor(ids, at::kLong).slice(0, 1);
      ids.pop_back();
      const auto hidden = model.forward(test::packed_input({ids}, {}, at::kFloat));
      const auto logprobs = vocabulary::vocab_logprobs(hidden, model.head(), targets, kTemperature)
                                .logprobs.to(at::kDouble);
      const auto first = static_cast<std::int64_t>(requests[r].prompt_ids.size()) - 1;
      for (std::size_t i = 0; i < completion.token_ids.size(); ++i) {
        const auto row = first + static_cast<std::int64_t>(i);
        const double error = std::abs(logprobs[row].item<double>() - completion.logprobs[i]);
        sum += error;
        largest = std::max(largest, error);
        ++count;
      }
    }
  }
  ASSERT_GT(count, 100);
  EXPECT_LT(sum / static_cast<double>(count), kMean);
  EXPECT_LT(largest, kMax);
}

TEST(EngineLogprobs, EqualTheTrainers) {
  expect_logprobs_of_trainer(*test::load_fixture("llama", at::kFloat));
}

TEST(EngineLogprobs, EqualTheTrainersWithAdapters) {
  const auto model = load_adapted_fixture();
  expect_logprobs_of_trainer(*model);
  const auto requests = mixed_requests();
  const auto adapted = run(*model, requests);
  const models::WithoutAdapters off(model.get());
  expect_same_ids(run(*model, requests), run(*test::load_fixture("llama", at::kFloat), requests));
  EXPECT_NE(run(*model, requests)[0][0].token_ids, adapted[0][0].token_ids);
}

TEST(EngineStops, AtTheEndTokenUnlessIgnored) {
  const auto model = test::load_fixture("llama", at::kFloat);
  const auto inputs = test::read_json(test::data_path("models/llama/inputs.json"));
  const Request request{inputs["sequences"][0]["input_ids"].get<std::vector<data::TokenId>>(), {0}};
  const auto greedy = inputs["greedy"]["token_ids"][0].get<std::vector<data::TokenId>>();
  const StopRules stop{{greedy[4]}, {}};  // the fifth greedy token is made the end token
  SamplingOptions sampling;
  sampling.greedy = true;
  sampling.max_new_tokens = 16;
  Engine engine(*model, {});
  const auto stopped = engine.generate({&request, 1}, sampling, stop)[0][0];
  EXPECT_EQ(stopped.token_ids, std::vector<data::TokenId>(greedy.begin(), greedy.begin() + 5));
  EXPECT_EQ(stopped.finish_reason, data::FinishReason::Stop);
  sampling.ignore_eos = true;
  const auto ignored = engine.generate({&request, 1}, sampling, stop)[0][0];
  EXPECT_EQ(ignored.token_ids, greedy);
  EXPECT_EQ(ignored.finish_reason, data::FinishReason::Length);
}

/// A stop text is found by the host alone; the slot must be free for others then.
TEST(EngineStops, AtAStopTextWhateverRunsBeside) {
  const auto model = test::load_fixture("llama", at::kDouble);
  const auto requests = mixed_requests();
  SamplingOptions sampling;
  sampling.max_new_tokens = 12;
  const auto decode = [](std::span<const data::TokenId> ids) {
    std::string text;
    for (const auto id : ids) text += fmt::format("<{}>", id);
    return text;
  };
  Engine free_engine(*model, {});
  const auto unstopped = free_engine.generate(requests, sampling, {{2}, decode});
  const auto stop_id = unstopped[3][1].token_ids[4];
  sampling.stop = {fmt::format("<{}>", stop_id)};

  for (const std::int64_t slots : {2, 64}) {
    Engine engine(*model, {.max_num_seqs = slots});
    const auto stopped = engine.generate(requests, sampling, {{2}, decode});

    for (std::size_t r = 0; r < requests.size(); ++r)
      for (std::size_t i = 0; i < stopped[r].size(); ++i) {
        auto expected = unstopped[r][i].token_ids;
        const auto found = std::find(expected.begin(), expected.end(), stop_id);
        const bool stops = found != expected.end();
        if (stops) expected.erase(found + 1, expected.end());
        EXPECT_EQ(stopped[r][i].token_ids, expected) << r << "." << i;
        if (stops) {
          EXPECT_EQ(stopped[r][i].finish_reason, data::FinishReason::Stop);
        }
      }
  }
}

TEST(EngineStops, NotBeforeTheLeastNumberOfTokensAndAtTheContextsEnd) {
  auto model = test::load_fixture("llama", at::kDouble);
  const auto context = model->shape().max_position_embeddings;
  SamplingOptions sampling;
  sampling.max_new_tokens = 100;
  sampling.min_new_tokens = 6;
  const std::vector<data::TokenId> likely = [] {
    std::vector<data::TokenId> ids;
    for (data::TokenId id = 0; id < 200; ++id) ids.push_back(id);
    return ids;
  }();
  const auto prompt = random_prompt(9, 5);
  Engine engine(*model, {.max_num_seqs = 5});
  std::vector<Request> requests(1);
  requests[0].prompt_ids = prompt;
  for (std::uint64_t seed = 0; seed < 12; ++seed) requests[0].seeds.push_back(seed);
  const auto stopped = engine.generate(requests, sampling, {likely, {}});
  for (const auto& completion : stopped[0]) {
    EXPECT_GT(completion.token_ids.size(), 6u);
    for (std::size_t i = 0; i + 1 < completion.token_ids.size(); ++i)
      EXPECT_GE(completion.token_ids[i], 200);
    EXPECT_LT(completion.token_ids.back(), 200);
  }
  sampling.ignore_eos = true;
  sampling.min_new_tokens = 0;
  requests[0] = {random_prompt(static_cast<std::size_t>(context) - 20, 5), {1, 2}};
  const auto cut_off = engine.generate(requests, sampling, {{2}, {}});
  for (const auto& completion : cut_off[0]) {
    EXPECT_EQ(completion.token_ids.size(), 20u);
    EXPECT_EQ(completion.finish_reason, data::FinishReason::Length);
  }
}

TEST(EngineStops, AnswersOfOneTokenLeaveTheirSlots) {
  const auto model = test::load_fixture("llama", at::kFloat);
  SamplingOptions sampling;
  sampling.max_new_tokens = 1;
  Engine engine(*model, {.max_num_seqs = 1});
  for (const auto& completions : engine.generate(mixed_requests(), sampling, {{2}, {}}))
    for (const auto& completion : completions) EXPECT_EQ(completion.token_ids.size(), 1u);
}

}  // namespace
}  // namespace r1::generation
