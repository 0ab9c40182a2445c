// The BERT classifier against transformers: hidden states, pooler, logits, loss and gradients of
// the fixture, in both spellings of its configuration.
#include "models/bert_classifier/bert_classifier.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/errors.h"
#include "models/safetensors_source.h"
#include "support/fixtures.h"

namespace r1::models {
namespace {

constexpr double kBertHidden = 1e-4, kBertLogits = 1e-5, kBertSigmoid = 1e-6, kBertLoss = 1e-5,
                 kBertGradient = 5e-5;  // fixtures' README

const std::string kBertFolder = test::data_path("models/bert_toxic");

std::unique_ptr<BertClassifier> load(const std::string& config, at::ScalarType dtype) {
  const auto file = kBertFolder + "/" + config;
  auto model =
      std::make_unique<BertClassifier>(bert_shape(test::read_json(file), file), dtype, at::kCPU);
  model->load(*open_safetensors_weights(kBertFolder));
  return model;
}

/// The fixture's three sequences as one padded batch.
struct Batch {
  at::Tensor ids, positions, types, lengths, labels;
};

Batch read_batch() {
  std::vector<at::Tensor> ids, types, labels;
  std::vector<std::int64_t> lengths;
  constexpr std::int64_t kWidth = 40;  // more than any needs: padding must change nothing
  const auto padded = [](const nlohmann::json& list) {
    const auto row = at::tensor(list.get<std::vector<std::int64_t>>(), at::kLong);
    return at::constant_pad_nd(row, {0, kWidth - row.size(0)}, 0);
  };
  const auto inputs = test::read_json(kBertFolder + "/inputs.json");
  for (const auto& s : inputs.at("sequences")) {
    ids.push_back(padded(s["input_ids"]));
    types.push_back(padded(s["token_type_ids"]));
    lengths.push_back(s["length"]);
    labels.push_back(at::tensor(s["labels"].get<std::vector<double>>(), at::kFloat));
  }
  const auto positions = at::arange(kWidth, at::kLong).repeat({3, 1});
  return {at::stack(ids), positions, at::stack(types), at::tensor(lengths, at::kLong),
          at::stack(labels)};
}

class BertFixture : public ::testing::TestWithParam<const char*> {};

TEST_P(BertFixture, OutputsMatch) {
  const auto model = load(GetParam(), at::kFloat);
  const auto batch = read_batch();
  const auto expected = test::read_tensors(kBertFolder + "/expected.safetensors");
  const at::NoGradGuard no_grad;
  const auto output = model->forward(batch.ids, batch.positions, batch.types, batch.lengths);
  for (std::int64_t i = 0; i < 3; ++i) {
    const auto prefix = "seq" + std::to_string(i) + ".";
    const auto hidden = output.hidden[i].narrow(0, 0, batch.lengths[i].item<std::int64_t>());
    EXPECT_LT(test::max_difference(hidden, expected.at(prefix + "final_hidden")), kBertHidden);
    EXPECT_LT(test::max_difference(output.pooled[i], expected.at(prefix + "pooled")), kBertHidden);
    EXPECT_LT(test::max_difference(output.logits[i], expected.at(prefix + "logits")), kBertLogits);
    EXPECT_LT(test::max_difference(at::sigmoid(output.logits[i]), expected.at(prefix + "sigmoid")),
              kBertSigmoid);
  }
}

TEST_P(BertFixture, LossAndGradientsMatch) {
  const auto model = load(GetParam(), at::kFloat);
  const auto batch = read_batch();
  const auto expected = test::read_tensors(kBertFolder + "/expected.safetensors");
  for (const auto& parameter : model->parameters()) parameter.value.requires_grad_(true);
  const auto loss = at::binary_cross_entropy_with_logits(
      model->forward(batch.ids, batch.positions, batch.types, batch.lengths).logits, batch.labels);
  loss.backward();
  EXPECT_NEAR(loss.item<double>(), expected.at("loss").item<double>(), kBertLoss);
  int compared = 0;
  for (const auto& parameter : model->parameters()) {
    const auto found = expected.find("grad." + parameter.slices.front().name);
    if (found == expected.end()) continue;
    EXPECT_LT(test::max_difference(parameter.value.grad(), found->second), kBertGradient)
        << found->first;
    ++compared;
  }
  EXPECT_EQ(compared, 7);
}

INSTANTIATE_TEST_SUITE_P(Spellings, BertFixture, testing::Values("config.json", "config_v4.json"));

TEST(BertClassifier, BatchedEqualsAlone) {
  const auto model = load_classifier(kBertFolder, at::kFloat, at::kCPU);
  EXPECT_EQ(model->num_labels(), 6);
  EXPECT_EQ(model->max_tokens(), 64);
  const std::vector<std::vector<std::int64_t>> texts{{1, 5, 9}, {1}, {1, 3, 4, 5, 6, 7}};
  const auto together = model->logits(texts);
  for (std::size_t i = 0; i < texts.size(); ++i)
    EXPECT_LT(
        test::max_difference(together[static_cast<std::int64_t>(i)], model->logits({texts[i]})[0]),
        kBertLogits);
  EXPECT_EQ(model->logits({}).size(0), 0);
}

TEST(BertClassifier, PositionsAndTypesOfTokensCount) {
  const auto model = load_classifier(kBertFolder, at::kFloat, at::kCPU);
  const auto expected = test::read_tensors(kBertFolder + "/expected.safetensors");
  std::vector<ClassifierInput> inputs;
  const auto fixture = test::read_json(kBertFolder + "/inputs.json");
  for (const auto& s : fixture.at("sequences")) {
    const auto first = [&](const char* key) {
      auto values = s[key].get<std::vector<std::int64_t>>();
      values.resize(s["length"]);
      return values;
    };
    inputs.push_back({first("input_ids"), first("position_ids"), first("token_type_ids")});
  }
  const auto found = model->classify(inputs);
  for (std::int64_t i = 0; i < 3; ++i)
    EXPECT_LT(test::max_difference(found[i], expected.at("seq" + std::to_string(i) + ".logits")),
              kBertLogits);
  auto moved = inputs[0];
  for (auto& position : moved.positions) ++position;
  EXPECT_GT(test::max_difference(model->classify({moved})[0], found[0]), 1e-3);
  moved.positions.back() = 64;
  EXPECT_THROW(model->classify({moved}), base::InputError);
  EXPECT_THROW(model->classify({{{1, 5}, {}, {0, 2}}}), base::InputError);
}

TEST(BertClassifier, TextsThatDoNotFitAreErrors) {
  const auto model = load_classifier(kBertFolder, at::kFloat, at::kCPU);
  EXPECT_THROW(model->logits({{}}), base::InputError);
  EXPECT_THROW(model->logits({std::vector<std::int64_t>(65, 1)}), base::InputError);
  EXPECT_THROW(model->logits({{200}}), base::InputError);
}

TEST(BertClassifier, WrongFoldersAreNamed) {
  const auto message = [](const std::string& folder) {
    try {
      load_classifier(folder, at::kFloat, at::kCPU);
    } catch (const base::InputError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_NE(message("/nowhere/at all").find("'/nowhere/at all'"), std::string::npos);
  EXPECT_NE(message(test::data_path("models/llama")).find("LlamaForCausalLM"), std::string::npos);
  const auto folder = std::filesystem::temp_directory_path() / "r1-bert-test";
  std::filesystem::create_directories(folder);
  auto config = test::read_json(kBertFolder + "/config.json");
  config["intermediate_size"] = 96;
  std::ofstream(folder / "config.json") << config;
  std::filesystem::copy_file(kBertFolder + "/model.safetensors", folder / "model.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_NE(message(folder.string()).find("expected shape [96, 64], found [128, 64]"),
            std::string::npos);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace r1::models
