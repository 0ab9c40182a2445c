// The experts that a completion says it took are those that its tokens were sampled from, whatever
// happened to its blocks.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "generation/engine.h"
#include "models/expert_decisions.h"
#include "models/registry.h"
#include "support/fixtures.h"
#include "support/small_shape.h"
#include "support/split_axes.h"
#include "support/thread_ranks.h"
#include "unit/generation/completions.h"
#include "unit/generation/stopper.h"

namespace r1::generation {
namespace {

SamplingOptions thirty_tokens() {
  SamplingOptions sampling;
  sampling.max_new_tokens = 30;
  return sampling;
}

std::vector<Request> routed_requests(std::int64_t vocabulary) {
  std::vector<Request> requests;
  base::RandomStream stream(5);
  for (const std::size_t length : {22, 9, 25, 1}) {
    Request request{{3, 4, 5, 6, 7, 8, 9, 10}, {}};
    request.prompt_ids.resize(std::min<std::size_t>(length, 8));
    while (request.prompt_ids.size() < length)
      request.prompt_ids.push_back(static_cast<data::TokenId>(stream.integer(3, vocabulary - 1)));
    for (std::uint64_t i = 0; i < 3; ++i) request.seeds.push_back(10 * requests.size() + i);
    requests.push_back(std::move(request));
  }
  return requests;
}

/// The tokens of prompt and completion but the last.
std::vector<std::int64_t> fed_tokens(const Request& request, const data::Completion& completion) {
  std::vector<std::int64_t> tokens(request.prompt_ids.begin(), request.prompt_ids.end());
  tokens.insert(tokens.end(), completion.token_ids.begin(), completion.token_ids.end() - 1);
  return tokens;
}

/// A packed pass over prompt and completion. given: decisions that it takes; undefined: its own.
at::Tensor decisions_of_pass(const models::Model& model, const std::vector<std::int64_t>& tokens,
                             const at::Tensor& given = {}) {
  const at::NoGradGuard no_grad;
  auto input = test::packed_input({tokens}, {}, model.dtype());
  const auto count = static_cast<std::int64_t>(tokens.size());
  input.experts.given = given;
  input.experts.recorded =
      at::zeros({count, models::decisions_per_token(model.shape())}, at::kShort);
  model.forward(input);
  return input.experts.recorded;
}

at::Tensor sorted_by_layer(const at::Tensor& decisions, const models::ModelShape& shape) {
  return std::get<0>(
      decisions.view({decisions.size(0), -1, shape.experts.num_experts_per_token}).sort(-1));
}

class RouterDecisions : public ::testing::Test {
 protected:
  void expect_own_decisions(const std::vector<Request>& requests, const Completions& completions) {
    for (std::size_t r = 0; r < requests.size(); ++r)
      for (const auto& completion : completions[r]) {
        const auto tokens = fed_tokens(requests[r], completion);
        const auto found = models::decisions_from_bytes(completion.experts, model_->shape());
        const auto expected = decisions_of_pass(*model_, tokens);
        ASSERT_EQ(found.size(0), expected.size(0)) << "request " << r;
        EXPECT_TRUE(at::equal(sorted_by_layer(found, model_->shape()),
                              sorted_by_layer(expected, model_->shape())))
            << "request " << r;
      }
  }

  std::unique_ptr<models::Model> model_ = test::load_fixture("deepseek_v3", at::kDouble);
  std::vector<Request> requests_ = routed_requests(99);
};

/// Ample and scarce blocks, prompts whole and in pieces, prefixes found in the same call and in the
/// next one.
TEST_F(RouterDecisions, AreThoseOfOnePassOverTheSample) {
  for (const std::int64_t blocks : {0, 24})
    for (const std::int64_t budget : {12, 8192}) {
      SCOPED_TRACE(fmt::format("{} blocks, {} tokens at once", blocks, budget));
      Engine engine(*model_, {.max_num_seqs = 12,
                              .block_size = 4,
                              .kv_cache_blocks = blocks,
                              .max_num_batched_tokens = budget});
      engine.record_experts();
      engine.set_weight_version(1);
      for (int call = 0; call < 2; ++call) {
        expect_own_decisions(requests_, engine.generate(requests_, thirty_tokens(), {{2}, {}}));
        EXPECT_GT(engine.statistics().prefix_tokens, 0);
        EXPECT_EQ(engine.statistics().preempted > 0, blocks > 0);
      }
    }
}

/// log p of each token of the completion in one pass that takes the given decisions.
std::vector<double> logprobs_of_pass(const models::Model& model, const Request& request,
                                     const data::Completion& completion) {
  const at::NoGradGuard no_grad;
  const auto tokens = fed_tokens(request, completion);
  auto input = test::packed_input({tokens}, {}, model.dtype());
  input.experts.given = models::decisions_from_bytes(completion.experts, model.shape());
  const auto logprobs = at::log_softmax(at::linear(model.forward(input), model.head().weight), -1);
  std::vector<double> values;
  for (std::size_t i = 0; i < completion.token_ids.size(); ++i)
    values.push_back(logprobs[static_cast<std::int64_t>(request.prompt_ids.size() + i) - 1]
                             [completion.token_ids[i]]
                                 .item<double>());
  return values;
}

/// Other weights make the routers choose otherwise. A sample that goes on keeps the decisions that
/// are recorded of it, and its next tokens are drawn behind exactly those, also where samples of
/// one prompt began with different weights.
TEST_F(RouterDecisions, AreKeptWhenSamplesGoOnWithOtherWeights) {
  Engine engine(*model_, {.max_num_seqs = 5, .block_size = 4});
  engine.record_experts();
  std::vector<Request> left = requests_;
  for (auto& request : left) request.begun.resize(request.seeds.size());
  std::size_t num_kept = 0, num_other = 0;
  for (int version = 0; version < 6; ++version) {
    for (auto& parameter : model_->parameters())
      if (parameter.slices[0].name.find("mlp.gate.weight") != std::string::npos)
        models::randomize(parameter, static_cast<std::uint64_t>(version));
    engine.set_weight_version(version);
    Stopper stopper(2);
    const auto found = engine.generate(left, thirty_tokens(), {{2}, {}}, {}, &stopper);
    for (std::size_t r = 0; r < left.size(); ++r)
      for (std::size_t i = 0; i < left[r].seeds.size(); ++i) {
        const auto& before = left[r].begun[i];
        if (found[r][i].token_ids.empty()) continue;
        SCOPED_TRACE(fmt::format("weights {}, sample {}.{}", version, r, i));
        ASSERT_GE(found[r][i].experts.size(), before.experts.size());
        EXPECT_TRUE(
            std::equal(before.experts.begin(), before.experts.end(), found[r][i].experts.begin()));
        const auto expected = logprobs_of_pass(*model_, left[r], found[r][i]);
        for (auto t = before.token_ids.size(); t < expected.size(); ++t)
          EXPECT_NEAR(found[r][i].logprobs[t], expected[t], kRounding) << "token " << t;
        num_kept += before.experts.size();
        const auto own = models::decisions_to_bytes(
            decisions_of_pass(*model_, fed_tokens(left[r], found[r][i])), model_->shape());
        for (std::size_t k = 0; k < before.experts.size(); ++k)
          num_other += own[k] != before.experts[k] ? 1 : 0;
        left[r].begun[i] = found[r][i];
      }
    for (auto& request : left) {
      std::vector<data::Completion> begun;
      std::vector<std::uint64_t> seeds;
      for (std::size_t i = 0; i < request.seeds.size(); ++i) {
        if (request.begun[i].finish_reason != data::FinishReason::Unfinished &&
            !request.begun[i].token_ids.empty())
          continue;
        begun.push_back(request.begun[i]);
        seeds.push_back(request.seeds[i]);
      }
      request.begun = std::move(begun);
      request.seeds = std::move(seeds);
    }
  }
  EXPECT_GT(num_kept, 500u);
  EXPECT_GT(num_other, num_kept / 10);
}

TEST_F(RouterDecisions, AreNotThereUnlessTheyAreAskedFor) {
  Engine engine(*model_, {.block_size = 4});
  for (const auto& group : engine.generate(requests_, thirty_tokens(), {{2}, {}}))
    for (const auto& completion : group) EXPECT_TRUE(completion.experts.empty());
}

/// The ranks of a tensor axis route a part of the tokens each; all of them say the whole.
TEST(RouterDecisionsOfRanks, AreThoseOfOneRank) {
  const auto shape = test::small_shape("deepseek_v3");
  const auto requests = routed_requests(13);
  auto sampling = thirty_tokens();
  const auto sample = [&](const models::Model& model) {
    Engine engine(model, {.max_num_seqs = 5, .block_size = 4, .kv_cache_blocks = 30});
    engine.record_experts();
    return engine.generate(requests, sampling, {{2}, {}});
  };
  const auto whole = models::make_model(shape, at::kDouble, at::kCPU);
  models::randomize(*whole, 3);
  const auto expected = sample(*whole);
  for (const int size : {2, 3})
    test::ThreadRanks::run(size, [&](parallel::Communicator& ranks) {
      const auto part = models::make_model(shape, at::kDouble, at::kCPU, test::all_over(ranks));
      models::randomize(*part, 3);
      const auto found = sample(*part);
      expect_same_ids(found, expected);
      for (std::size_t r = 0; r < expected.size(); ++r)
        for (std::size_t s = 0; s < expected[r].size(); ++s)
          EXPECT_EQ(found[r][s].experts, expected[r][s].experts) << r << "." << s;
    });
}

}  // namespace
}  // namespace r1::generation
