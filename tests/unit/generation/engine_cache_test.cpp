// What the cache does to samples: nothing. Blocks that run out, prompts in pieces and prefixes that
// are found leave every sample as it is.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "generation/engine.h"
#include "models/registry.h"
#include "support/fixtures.h"
#include "unit/generation/completions.h"

namespace r1::generation {
namespace {

SamplingOptions long_answers() {
  SamplingOptions sampling;
  sampling.max_new_tokens = 40;
  sampling.temperature = 0.9;
  sampling.top_p = 0.95;
  return sampling;
}

/// Prompts of these lengths, which begin with the same `alike` tokens, of three samples each.
std::vector<Request> requests_of(const std::vector<std::size_t>& lengths, std::size_t alike = 0) {
  std::vector<Request> requests;
  base::RandomStream common(1);
  std::vector<data::TokenId> beginning;
  for (std::size_t i = 0; i < alike; ++i)
    beginning.push_back(static_cast<data::TokenId>(common.integer(3, 99)));
  for (const auto length : lengths) {
    base::RandomStream stream(100 + requests.size());
    Request request{beginning, {}};
    while (request.prompt_ids.size() < length)
      request.prompt_ids.push_back(static_cast<data::TokenId>(stream.integer(3, 99)));
    for (std::uint64_t i = 0; i < 3; ++i) request.seeds.push_back(10 * requests.size() + i);
    requests.push_back(std::move(request));
  }
  return requests;
}

const std::vector<std::size_t> kLengths{5, 1, 16, 33, 8, 24};

class EngineCache : public ::testing::TestWithParam<const char*> {
 protected:
  Completions undisturbed(const std::vector<Request>& requests) const {
    Engine engine(*model_, {.block_size = 4, .enable_prefix_caching = false});
    auto completions = engine.generate(requests, long_answers(), {{2}, {}});
    EXPECT_EQ(engine.statistics().preempted, 0);
    return completions;
  }

  std::unique_ptr<models::Model> model_ = test::load_fixture(GetParam(), at::kDouble);
};

/// Twice with one engine: blocks that were not given back would be missing in the second call.
TEST_P(EngineCache, SamplesThatGiveTheirBlocksBackAreTheSame) {
  const auto requests = requests_of(kLengths);
  const auto expected = undisturbed(requests);
  for (const std::int64_t blocks : {20, 30})
    for (const bool finds_prefixes : {false, true})
      for (const std::int64_t budget : {12, 8192}) {
        SCOPED_TRACE(fmt::format("{} blocks, prefixes {}, {} tokens at once", blocks,
                                 finds_prefixes, budget));
        Engine engine(*model_, {.max_num_seqs = 12,
                                .block_size = 4,
                                .kv_cache_blocks = blocks,
                                .max_num_batched_tokens = budget,
                                .enable_prefix_caching = finds_prefixes});
        for (int call = 0; call < 2; ++call) {
          expect_same(engine.generate(requests, long_answers(), {{2}, {}}), expected);
          EXPECT_GT(engine.statistics().preempted, 0);
          EXPECT_LE(engine.statistics().most_blocks, blocks);
        }
      }
}

TEST_P(EngineCache, PromptsInPiecesAreThePromptsAsAWhole) {
  const auto requests = requests_of(kLengths);
  const auto expected = undisturbed(requests);
  std::int64_t prompt_tokens = 0;
  for (const auto length : kLengths) prompt_tokens += static_cast<std::int64_t>(length);
  for (const std::int64_t budget : {3, 7, 40}) {
    Engine engine(*model_, {.max_num_seqs = 2,
                            .block_size = 4,
                            .max_num_batched_tokens = budget,
                            .enable_prefix_caching = false});
    expect_same(engine.generate(requests, long_answers(), {{2}, {}}), expected);
    EXPECT_EQ(engine.statistics().prompt_tokens, prompt_tokens);
  }
}

TEST_P(EngineCache, PromptsThatBeginAlikeShareTheirFullBlocks) {
  const auto requests = requests_of({22, 25, 30, 22}, 18);  // 4 full blocks and 2 tokens are common
  const auto expected = undisturbed(requests);
  for (const std::int64_t budget : {8192, 6}) {  // all in one pass, or one after another in pieces
    Engine engine(*model_, {.max_num_seqs = 3, .block_size = 4, .max_num_batched_tokens = budget});
    expect_same(engine.generate(requests, long_answers(), {{2}, {}}), expected);
    EXPECT_EQ(engine.statistics().admitted_tokens, 22 + 25 + 30 + 22);
    EXPECT_EQ(engine.statistics().prefix_tokens, 3 * 16);
    EXPECT_EQ(engine.statistics().prompt_tokens, 22 + 25 + 30 + 22 - 3 * 16);
  }
}

TEST_P(EngineCache, PrefixesAreThoseOfOneVersionOfTheWeights) {
  const auto requests = requests_of({22, 25}, 18);
  Engine engine(*model_, {.block_size = 4});
  const auto hits = [&](const Completions& expected) {
    expect_same(engine.generate(requests, long_answers(), {{2}, {}}), expected);
    return engine.statistics().prefix_tokens;
  };
  const auto before = undisturbed(requests);
  EXPECT_EQ(hits(before), 16);
  EXPECT_EQ(hits(before), 16) << "weights without a version may have changed";
  engine.set_weight_version(1);
  EXPECT_EQ(hits(before), 16);
  engine.set_weight_version(1);
  EXPECT_EQ(hits(before), 20 + 24) << "all full blocks but that of the last token";
  for (auto& parameter : model_->parameters())
    if (parameter.decay) models::randomize(parameter, 77);
  engine.set_weight_version(2);
  const auto after = undisturbed(requests);
  EXPECT_NE(after[0][0].token_ids, before[0][0].token_ids);
  EXPECT_EQ(hits(after), 16);
}

INSTANTIATE_TEST_SUITE_P(Generation, EngineCache, ::testing::Values("llama", "deepseek_v3"));

}  // namespace
}  // namespace r1::generation
