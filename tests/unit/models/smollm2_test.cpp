// SmolLM2-135M-Instruct from its GGUF: log-probabilities and greedy continuations of the goldens.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "models/registry.h"
#include "models/weights.h"
#include "support/fixtures.h"

namespace r1::models {
namespace {

constexpr double kEveryLogprob = 2e-4;  // fixtures' README

TEST(SmolLm2, LogprobsOfThePromptsMatchTransformers) {
  std::string path = R1_SOURCE_DIR "/.venv/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";
  if (const char* given = std::getenv("R1_SMOLLM2_GGUF")) path.assign(given);
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no SmolLM2: run jobscripts/smollm2.sh";
  const auto files = open_model(path);
  const auto model = make_model(files.shape, at::kFloat, at::kCPU);
  load_weights(*model, *files.weights);
  at::NoGradGuard no_grad;
  const auto goldens = test::read_json(test::data_path("models/smollm2_goldens.json"));
  ASSERT_EQ(goldens.at("prompts").size(), 8u);
  for (const auto& prompt : goldens.at("prompts")) {
    const auto ids = prompt["token_ids"].get<std::vector<std::int64_t>>();
    const auto hidden = model->forward(test::packed_input({ids}, {}, at::kFloat));
    const auto logprobs = at::log_softmax(at::linear(hidden, model->head().weight), -1);
    const auto targets = at::tensor(ids, at::kLong).slice(0, 1).unsqueeze(1);
    const auto found = logprobs.slice(0, 0, -1).gather(1, targets).flatten();
    const auto expected =
        at::tensor(prompt["prompt_logprobs"].get<std::vector<double>>(), at::kDouble);
    EXPECT_LT(test::max_difference(found, expected), kEveryLogprob);
  }
}

}  // namespace
}  // namespace r1::models
