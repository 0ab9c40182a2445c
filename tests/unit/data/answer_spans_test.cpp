// A loss on every answer of a conversation: the tokens that transformers marks.
#include "data/answer_spans.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/errors.h"
#include "data/packing.h"
#include "data/sft.h"
#include "tokenizer/byte_definition.h"

namespace r1::data {
namespace {

using Ids = std::vector<TokenId>;
using Mask = std::vector<std::uint8_t>;

constexpr TokenId kEnd = 257;

PromptRenderer renderer_of(const std::string& chat_template) {
  auto definition = tokenizer::byte_definition();
  definition.added_tokens.push_back({"<s>", 259, true, false});
  definition.special_tokens["bos_token"] = "<s>";
  definition.chat_templates = {{"default", chat_template, "model"}};
  return {{}, {}, std::make_shared<const tokenizer::Tokenizer>(definition), std::tm{}};
}

TrainingSample sample_of(const nlohmann::json& messages, const std::string& chat_template) {
  const auto renderer = renderer_of(chat_template);
  return sft_sample(sft_text({{"messages", messages}}, renderer, {}, "f:1", LossOn::Assistant),
                    renderer, LossOn::Assistant);
}

/// All tokens of a sample and which of them are learnt.
std::pair<Ids, Mask> whole(const TrainingSample& sample) {
  Ids ids = sample.prompt_ids;
  ids.insert(ids.end(), sample.completion_ids.begin(), sample.completion_ids.end());
  Mask mask(sample.prompt_ids.size(), 0);
  mask.resize(ids.size(), 1);
  if (!sample.learnt.empty())
    std::copy(sample.learnt.begin(), sample.learnt.end(),
              mask.begin() + static_cast<std::ptrdiff_t>(sample.prompt_ids.size()));
  return {ids, mask};
}

// make_assistant_masks.py made the file. What follows the last answer is not kept, and the last
// answer always ends with an end token.
TEST(AnswerSpans, GenerationBlocksEqualTransformersMasks) {
  std::ifstream file(R1_SOURCE_DIR "/tests/data/tokenizer/assistant_masks.jsonl");
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    const auto golden = nlohmann::json::parse(line);
    SCOPED_TRACE(golden["name"]);
    Ids ids = golden["ids"];
    Mask mask = golden["mask"];
    while (mask.back() == 0) mask.pop_back();
    ids.resize(mask.size());
    if (ids.back() != kEnd) {
      ids.push_back(kEnd);
      mask.push_back(1);
    }
    EXPECT_EQ(whole(sample_of(golden["messages"], golden["marked"])), std::pair(ids, mask));
  }
  EXPECT_EQ(lines, 7);
}

TEST(AnswerSpans, PrefixesFindTheSameAnswersWithoutBlocks) {
  std::ifstream file(R1_SOURCE_DIR "/tests/data/tokenizer/assistant_masks.jsonl");
  for (std::string line; std::getline(file, line);) {
    const auto golden = nlohmann::json::parse(line);
    SCOPED_TRACE(golden["name"]);
    const auto [ids, mask] = whole(sample_of(golden["messages"], golden["template"]));
    const Ids expected_ids = golden["ids"];
    const Mask expected_mask = golden["mask"];
    // Up to the last answer, whose opening and end are those of inference.
    auto last = expected_mask.rbegin();
    last = std::find(std::find(last, expected_mask.rend(), 1), expected_mask.rend(), 0);
    const auto begin = static_cast<std::size_t>(expected_mask.rend() - last);
    ASSERT_GT(begin, 0U);
    ASSERT_LT(begin, ids.size());
    EXPECT_TRUE(std::equal(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(begin),
                           expected_ids.begin()));
    EXPECT_TRUE(std::equal(mask.begin(), mask.begin() + static_cast<std::ptrdiff_t>(begin),
                           expected_mask.begin()));
    EXPECT_EQ(ids.back(), kEnd);
    EXPECT_EQ(mask.back(), 1);
  }
}

TEST(AnswerSpans, AnAnswerWithoutAPlaceIsAnError) {
  const std::string counts =
      "{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}";
  const nlohmann::json messages = {{{"role", "user"}, {"content", "a"}},
                                   {{"role", "assistant"}, {"content", "b"}},
                                   {{"role", "user"}, {"content", "c"}},
                                   {{"role", "assistant"}, {"content", "d"}}};
  try {
    sample_of(messages, counts);
    ADD_FAILURE() << "was made";
  } catch (const base::InputError& error) {
    EXPECT_NE(std::string(error.what()).find("turn 2"), std::string::npos) << error.what();
  }
}

TEST(AnswerSpans, OnlyLearntTokensArePredicted) {
  const std::vector<TrainingSample> samples{{{1}, {2, 3, 4, 5}, {1, 0, 0, 1}}};
  const std::vector<std::int64_t> indices{0};
  const auto batch = pack(samples, indices);
  EXPECT_EQ(batch.loss_targets, (Ids{2, 5}));
  EXPECT_EQ(batch.loss_rows, (std::vector<std::int64_t>{0, 3}));
  EXPECT_EQ(num_targets(samples[0]), 2);
  const std::vector<TrainingSample> nothing{{{1}, {2}, {0}}};
  EXPECT_THROW(pack(nothing, indices), base::InputError);
}

}  // namespace
}  // namespace r1::data
