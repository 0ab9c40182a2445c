// Models that score texts: the tiny safety classifier against transformers
// (tests/data/models/make_tiny_safety.py), long texts in pieces, and what a reward model is given.
#include "rewards/model_judge.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/errors.h"
#include "support/fixtures.h"

namespace r1::rewards {
namespace {

constexpr double kSafety = 1e-5;

models::ModelOptions tiny() {
  models::ModelOptions options;
  options.path = test::data_path("models/tiny_safety");
  options.dtype = "fp32";
  return options;
}

TEST(ModelJudge, SafetyIsOneMinusTheWorstLabelOfTransformers) {
  const auto golden = test::read_json(tiny().path + "/golden.json");
  const auto judge = ModelJudge::load(tiny(), at::kCPU, 3, {});
  std::vector<JudgedText> texts;
  for (const auto& text : golden.at("texts")) texts.push_back({"", text.get<std::string>()});
  texts.pop_back();  // longer than the model reads: transformers saw its beginning only
  const auto safety = judge->safety(texts);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto logits = golden.at("logits").at(i).get<std::vector<double>>();
    const double worst = std::max(logits[0], logits[1]);
    EXPECT_NEAR(safety[i], 1.0 - 1.0 / (1.0 + std::exp(-worst)), kSafety) << texts[i].completion;
  }
  EXPECT_GT(safety[1], 0.9);
  EXPECT_LT(safety[2], 0.1);
}

TEST(ModelJudge, ToxicityBehindTheModelsLengthCounts) {
  const auto judge = ModelJudge::load(tiny(), at::kCPU, 16, {});
  std::string text;
  for (int i = 0; i < 60; ++i) text += "b ";
  const auto safe = judge->safety(std::vector<JudgedText>{{"", text}});
  for (int i = 0; i < 60; ++i) text += "a ";
  const auto hidden = judge->safety(std::vector<JudgedText>{{"", text}});
  EXPECT_GT(safe[0], 0.9);
  EXPECT_LT(hidden[0], 0.2);
}

/// Its output is the sum of the ids it is given.
class SumModel : public models::SequenceClassifier {
 public:
  explicit SumModel(std::int64_t labels) : labels_(labels) {}
  at::Tensor classify(const std::vector<models::ClassifierInput>& inputs) const override {
    auto sums = at::zeros({static_cast<std::int64_t>(inputs.size()), labels_}, at::kFloat);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_LE(inputs[i].ids.size(), 8u);
      for (const auto id : inputs[i].ids) sums[static_cast<std::int64_t>(i)] += id;
    }
    return sums;
  }
  std::int64_t num_labels() const override { return labels_; }
  const std::vector<models::Parameter>& parameters() const override { return parameters_; }
  std::int64_t max_tokens() const override { return 8; }
  std::int64_t vocab_size() const override { return 256; }

 private:
  std::int64_t labels_;
  std::vector<models::Parameter> parameters_;
};

JudgeTokenizer letters() {
  return {[](const std::string& text) { return JudgeTokenizer::Ids(text.begin(), text.end()); },
          {1},
          {2},
          [](const tokenizer::Conversation& conversation) {
            std::string text;
            for (const auto& message : conversation.messages)
              text += message.at("content").get<std::string>();
            return text;
          }};
}

TEST(ModelJudge, ARewardModelReadsTheEndOfTheConversation) {
  const ModelJudge judge(std::make_unique<SumModel>(1), letters(), 2);
  const std::vector<JudgedText> texts{{"a", "b"}, {"", ""}, {"zzzzzz", "abcdef"}};
  EXPECT_EQ(judge.preference(texts),
            (std::vector<double>{1 + 'a' + 'b' + 2, 3, 3 + 'a' + 'b' + 'c' + 'd' + 'e' + 'f'}));
}

TEST(ModelJudge, ARewardModelHasOneOutput) {
  const ModelJudge judge(std::make_unique<SumModel>(2), letters(), 2);
  EXPECT_THROW(judge.preference(std::vector<JudgedText>{{"a", "b"}}), base::InputError);
}

TEST(ModelJudge, ChatTemplatesFrameTheConversation) {
  models::ModelOptions options;
  options.tokenizer = "bytes";
  const auto text = conversation_of({"Why?", "Because."});
  EXPECT_EQ(load_judge_tokenizer(options, {}).conversation(text), "Why?\nBecause.");
  options.chat_template = "chatml";
  EXPECT_EQ(load_judge_tokenizer(options, {}).conversation(text),
            "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\nBecause.<|im_end|>\n");
}

TEST(ModelJudge, AnEmptyQuestionIsALineOfItsOwn) {
  models::ModelOptions options;
  options.tokenizer = "bytes";
  EXPECT_EQ(load_judge_tokenizer(options, {}).conversation(conversation_of({"", "Because."})),
            "\nBecause.");
}

}  // namespace
}  // namespace r1::rewards
