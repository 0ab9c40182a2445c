// Records of preferences in their forms, and what DPO and reward models make of them.
#include "data/preference.h"

#include <gtest/gtest.h>

#include "base/errors.h"
#include "data/dataset.h"
#include "data/packing.h"
#include "tokenizer/byte_definition.h"

namespace r1::data {
namespace {

using nlohmann::json;

const json kChosen{{"role", "assistant"}, {"content", "Yes."}};
const json kRejected{{"role", "assistant"}, {"content", "No."}};
const json kAsked{{"role", "user"}, {"content", "Really?"}};

PromptRenderer chat_renderer() {
  auto definition = tokenizer::byte_definition();
  definition.chat_templates = {
      {"default",
       "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if "
       "add_generation_prompt %}<assistant>{% endif %}",
       "model"}};
  return {DataOptions{}, RenderTags{}, std::make_shared<const tokenizer::Tokenizer>(definition),
          std::tm{}};
}

std::string message_of(const json& record) {
  try {
    (void)read_preference(record, DataOptions{}, "f:7");
  } catch (const base::InputError& error) {
    return error.what();
  }
  ADD_FAILURE() << record << " was read";
  return {};
}

TEST(ReadPreference, EveryFormGivesTheSameConversations) {
  const std::vector<json> records{
      {{"prompt", "Really?"}, {"chosen", "Yes."}, {"rejected", "No."}},
      {{"question", "Really?"}, {"chosen", "Yes."}, {"rejected", "No."}, {"answer", "other"}},
      {{"prompt", json::array({kAsked})}, {"chosen", "Yes."}, {"rejected", "No."}},
      {{"prompt", json::array({kAsked})},
       {"chosen", json::array({kChosen})},
       {"rejected", json::array({kRejected})}},
      {{"prompt", "Really?"},
       {"chosen", json::array({kChosen})},
       {"rejected", json::array({kRejected})}},
      {{"prompt", "Really?"},
       {"chosen", json::array({kAsked, kChosen})},
       {"rejected", json::array({kAsked, kRejected})}},
      {{"chosen", "\n\nHuman: Really?\n\nAssistant: Yes."},
       {"rejected", "\n\nHuman: Really?\n\nAssistant: No."}}};
  const auto renderer = chat_renderer();
  for (const auto& record : records) {
    const auto found = read_preference(record, DataOptions{}, "f:1");
    EXPECT_EQ(found.chosen.turns, json::array({kAsked, kChosen})) << record;
    EXPECT_EQ(found.rejected.turns, json::array({kAsked, kRejected})) << record;
    EXPECT_EQ(question_identity(found.chosen.record, DataOptions{}), "Really?") << record;
    const auto samples = preference_samples(found, renderer, DataOptions{}, "f:1");
    ASSERT_EQ(samples.size(), 2U);
    const std::string prompt = "<user>Really?<assistant>";
    EXPECT_EQ(samples[0].prompt_ids, std::vector<TokenId>(prompt.begin(), prompt.end())) << record;
    EXPECT_EQ(samples[1].prompt_ids, samples[0].prompt_ids);
    EXPECT_EQ(samples[0].completion_ids.size(), 5U) << "Yes. and the end token";
    EXPECT_EQ(samples[1].completion_ids.size(), 4U);
  }
}

TEST(ReadPreference, TranscriptsKeepTheirEarlierTurns) {
  const std::string start = "\n\nHuman: a\n\nAssistant: b\nc\n\nHuman: d\n\nAssistant:";
  const auto found =
      read_preference({{"chosen", start + " e"}, {"rejected", start}}, DataOptions{}, "f:1");
  ASSERT_EQ(found.chosen.turns.size(), 4U);
  EXPECT_EQ(found.chosen.turns[1]["content"], "b\nc");
  EXPECT_EQ(found.chosen.turns[3]["content"], "e");
  EXPECT_EQ(found.rejected.turns[3]["content"], "");
}

TEST(ReadPreference, SaysWhatIsMissing) {
  EXPECT_NE(message_of({{"prompt", "a"}, {"chosen", "b"}}).find("f:7: field 'rejected'"),
            std::string::npos);
  EXPECT_NE(message_of({{"chosen", "a"}, {"rejected", "b"}}).find("begin with \"\\n\\nHuman:\""),
            std::string::npos);
  EXPECT_NE(message_of({{"chosen", "\n\nHuman: a"}, {"rejected", "\n\nHuman: b"}})
                .find("answer of the assistant at the end"),
            std::string::npos);
  EXPECT_NE(message_of({{"prompt", "a"}, {"chosen", 3}, {"rejected", "b"}}).find("found number"),
            std::string::npos);
}

TEST(PreferenceSamples, AnswersToDifferentPromptsAreNoPair) {
  const auto found = read_preference(
      {{"chosen", "\n\nHuman: a\n\nAssistant: c"}, {"rejected", "\n\nHuman: b\n\nAssistant: c"}},
      DataOptions{}, "f:1");
  EXPECT_THROW(preference_samples(found, chat_renderer(), DataOptions{}, "f:1"), base::InputError);
}

// The one loss row of a judged sequence is that of its last token, also where a sequence is the
// beginning of the other.
TEST(JudgedSamples, TheLastTokenIsTheLossRow) {
  const std::vector<std::vector<std::vector<TokenId>>> pairs{
      {{1, 2, 3}, {1, 2, 4, 5}}, {{1, 2}, {1, 2, 3}}, {{7}, {8, 9}}, {{1, 2}, {1, 2}}};
  for (const auto& pair : pairs)
    for (const bool share : {true, false}) {
      const auto samples = judged_samples(pair);
      const std::vector<std::int64_t> both{0, 1};
      const auto batch = pack(samples, both, share);
      ASSERT_EQ(batch.loss_rows.size(), 2U);
      for (std::size_t i = 0; i < 2; ++i) {
        const auto row = static_cast<std::size_t>(batch.loss_rows[i]);
        EXPECT_EQ(batch.token_ids[row], pair[i].back());
        EXPECT_EQ(batch.position_ids[row], static_cast<std::int64_t>(pair[i].size()) - 1);
      }
    }
}

}  // namespace
}  // namespace r1::data
