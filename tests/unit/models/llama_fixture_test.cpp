// The Llama family against transformers: logits, hidden states, loss and every gradient of the
// fixtures.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "support/fixtures.h"

namespace r1::models {
namespace {

constexpr double kLogits = 1e-4, kHidden = 1e-4, kLoss = 1e-5,
                 kGradient = 5e-5;  // fixtures' README

struct Sequences {
  std::vector<std::vector<std::int64_t>> tokens, positions;
};

Sequences read_sequences(const std::string& fixture) {
  Sequences out;
  const auto inputs = test::read_json(test::data_path("models/" + fixture + "/inputs.json"));
  for (const auto& s : inputs.at("sequences")) {
    const auto length = s["length"].get<std::size_t>();
    auto tokens = s["input_ids"].get<std::vector<std::int64_t>>();
    auto positions = s["position_ids"].get<std::vector<std::int64_t>>();
    tokens.resize(length);
    positions.resize(length);
    out.tokens.push_back(tokens);
    out.positions.push_back(positions);
  }
  EXPECT_FALSE(out.tokens.empty());
  return out;
}

class LlamaFixture : public ::testing::TestWithParam<std::tuple<const char*, const char*>> {};

TEST_P(LlamaFixture, LogitsHiddenStatesAndLossMatch) {
  const auto [fixture, config] = GetParam();
  const auto model = test::load_fixture(fixture, at::kFloat, config);
  const auto expected = test::read_tensors(
      test::data_path(std::string("models/") + fixture + "/expected.safetensors"));
  const auto sequences = read_sequences(fixture);
  at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < sequences.tokens.size(); ++i) {
    const auto hidden = model->forward(
        test::packed_input({sequences.tokens[i]}, {sequences.positions[i]}, at::kFloat));
    const auto prefix = "seq" + std::to_string(i) + ".";
    EXPECT_LT(test::max_difference(hidden, expected.at(prefix + "final_hidden")), kHidden);
    EXPECT_LT(test::max_difference(at::linear(hidden, model->head_weight()),
                                   expected.at(prefix + "logits")),
              kLogits);
  }
}

TEST_P(LlamaFixture, GradientsMatchWithAndWithoutRecomputation) {
  const auto [fixture, config] = GetParam();
  const auto expected = test::read_tensors(
      test::data_path(std::string("models/") + fixture + "/expected.safetensors"));
  const auto sequences = read_sequences(fixture);
  for (const bool recompute : {false, true}) {
    const auto model = test::load_fixture(fixture, at::kFloat, config);
    model->set_activation_checkpointing(recompute);
    for (auto& parameter : model->parameters()) parameter.value.requires_grad_(true);
    const auto input = test::packed_input(sequences.tokens, sequences.positions, at::kFloat);
    const auto logprobs =
        at::log_softmax(at::linear(model->forward(input), model->head_weight()), -1);
    std::vector<at::Tensor> terms;
    std::int64_t start = 0;
    for (const auto& tokens : sequences.tokens) {
      const auto n = static_cast<std::int64_t>(tokens.size());
      const auto targets = at::tensor(tokens, at::kLong).slice(0, 1).unsqueeze(1);
      terms.push_back(-logprobs.narrow(0, start, n - 1).gather(1, targets).flatten());
      start += n;
    }
    const auto loss = at::cat(terms).mean();
    loss.backward();
    EXPECT_NEAR(loss.item<double>(), expected.at("loss").item<double>(), kLoss);
    std::size_t compared = 0;
    for (const auto& parameter : model->parameters()) {
      for (const auto& slice : parameter.slices) {
        const auto found = expected.find("grad." + slice.name);
        if (found == expected.end()) continue;
        const auto gradient = parameter.value.grad().narrow(0, slice.row_begin, slice.rows);
        EXPECT_LT(test::max_difference(gradient, found->second), kGradient)
            << slice.name << " " << recompute;
        ++compared;
      }
    }
    EXPECT_GE(compared, 6u);
  }
}

TEST(Llama, SequencesSharingAPrefixEqualPlainOnes) {
  constexpr double kSame = 1e-12;
  const auto model = test::load_fixture("llama", at::kDouble);
  const std::vector<std::int64_t> prompt{5, 9, 200, 31, 7}, a{11, 12, 13}, b{300, 2};
  auto join = [&](std::vector<std::int64_t> tail) {
    auto all = prompt;
    all.insert(all.end(), tail.begin(), tail.end());
    return all;
  };
  at::NoGradGuard no_grad;
  const auto plain = model->forward(test::packed_input({join(a), join(b)}, {}, at::kDouble));
  const ModelInput shared{
      at::tensor({5, 9, 200, 31, 7, 11, 12, 13, 300, 2}, at::kLong),
      at::tensor({0, 1, 2, 3, 4, 5, 6, 7, 5, 6}, at::kLong),
      {nn::make_packed_attention({{0, 5, -1}, {5, 3, 0}, {8, 2, 0}}, at::kDouble, at::kCPU),
       nullptr,
       {}}};
  const auto grouped = model->forward(shared);
  EXPECT_LT(test::max_difference(grouped.narrow(0, 0, 8), plain.narrow(0, 0, 8)), kSame);
  EXPECT_LT(test::max_difference(grouped.narrow(0, 8, 2), plain.narrow(0, 13, 2)), kSame);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, LlamaFixture,
                         ::testing::Combine(::testing::Values("llama", "llama31"),
                                            ::testing::Values("config.json", "config_v4.json")));

}  // namespace
}  // namespace r1::models
