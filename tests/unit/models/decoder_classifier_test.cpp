// Reward models against transformers: scores, and the values at every position.
#include "models/decoder_classifier.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/errors.h"
#include "support/fixtures.h"

namespace r1::models {
namespace {

constexpr double kScores = 5e-5;  // fixtures' README

class DecoderClassifierFixture : public ::testing::Test {
 protected:
  std::string folder_ = test::data_path("models/qwen2_reward");
  std::map<std::string, at::Tensor> expected_ =
      test::read_tensors(folder_ + "/expected.safetensors");
  test::FixtureSequences sequences_ = test::read_sequences(folder_);
  std::unique_ptr<SequenceClassifier> classifier_ = load_classifier(folder_, at::kFloat, at::kCPU);
};

TEST_F(DecoderClassifierFixture, ScoresMatch) {
  EXPECT_EQ(classifier_->num_labels(), 1);
  std::vector<ClassifierInput> inputs;
  for (std::size_t i = 0; i < 3; ++i)
    inputs.push_back({sequences_.tokens[i], sequences_.positions[i]});
  const auto found = classifier_->classify(inputs);
  ASSERT_EQ(found.sizes(), at::IntArrayRef({3, 1}));
  EXPECT_LT(test::max_difference(found.flatten(), expected_.at("scores")), kScores);
}

TEST_F(DecoderClassifierFixture, ValuesAtEveryPositionMatch) {
  const auto& decoder = dynamic_cast<const DecoderClassifier&>(*classifier_);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_LT(test::max_difference(
                  decoder.values({sequences_.tokens[i], sequences_.positions[i]}).flatten(),
                  expected_.at("seq" + std::to_string(i) + ".values")),
              kScores);
}

TEST_F(DecoderClassifierFixture, PositionsCountFromZeroWhenNotGiven) {
  std::vector<std::int64_t> counted(sequences_.tokens[1].size());
  std::iota(counted.begin(), counted.end(), 0);
  EXPECT_TRUE(at::equal(classifier_->logits({sequences_.tokens[1]}),
                        classifier_->classify({{sequences_.tokens[1], counted}})));
}

TEST_F(DecoderClassifierFixture, WrongInputIsRefused) {
  EXPECT_THROW(classifier_->logits({{}}), base::InputError);
  EXPECT_THROW(classifier_->logits({{192}}), base::InputError);
  EXPECT_THROW(classifier_->logits({std::vector<std::int64_t>(513, 1)}), base::InputError);
  EXPECT_THROW(classifier_->classify({{{1, 2}, {1}}}), base::InputError);
  EXPECT_THROW(classifier_->classify({{{1, 2}, {}, {0, 1}}}), base::InputError);
}

TEST(LoadClassifier, RefusesAModelThatIsNone) {
  const auto folder = test::data_path("models/qwen2");
  EXPECT_FALSE(is_classifier(folder));
  EXPECT_THROW(load_classifier(folder, at::kFloat, at::kCPU), base::InputError);
}

}  // namespace
}  // namespace r1::models
