// Prompts and supervised samples as text and tokens: bos and the end token once, what a prompt
// opens for the model once.
#include "data/render.h"

#include <gtest/gtest.h>

#include "base/errors.h"
#include "data/sft.h"
#include "tokenizer/byte_definition.h"

namespace r1::data {
namespace {

constexpr TokenId kBos = 300, kEnd = 257, kOtherEnd = 258;
constexpr const char* kTurns =
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt "
    "%}<assistant>{% endif %}";

tokenizer::Definition bytes_with(const std::string& chat_template) {
  auto definition = tokenizer::byte_definition();
  definition.eos_ids = {kEnd, kOtherEnd};
  definition.added_tokens.push_back({"<s>", kBos, true, false});
  definition.bos_id = kBos;
  definition.special_tokens["bos_token"] = "<s>";
  if (!chat_template.empty()) definition.chat_templates = {{"default", chat_template, "model"}};
  return definition;
}

PromptRenderer renderer_of(const DataOptions& options, const tokenizer::Definition& definition,
                           const RenderTags& tags = {}) {
  return {options, tags, std::make_shared<const tokenizer::Tokenizer>(definition), std::tm{}};
}

PromptRenderer renderer_of(const DataOptions& options, const std::string& chat_template,
                           const RenderTags& tags = {}) {
  return renderer_of(options, bytes_with(chat_template), tags);
}

DataOptions with_form(const std::string& prompt_template) {
  DataOptions options;
  options.prompt_template = prompt_template;
  return options;
}

Problem asking(const std::string& text) {
  Problem problem;
  problem.problem = text;
  return problem;
}

std::vector<TokenId> ids(std::string_view text) {
  return {text.begin(), text.end()};
}

TEST(Render, PutsFewShotTurnsAndTagsInFrontOfTheProblem) {
  DataOptions o;
  o.few_shot = {{"What is 3 + 4?", "<answer>7</answer>"}};
  o.instruction = "{problem} Think.";
  EXPECT_EQ(
      renderer_of(o, kTurns).text(asking("What is 1 + 1?")).text,
      "<user>What is 3 + 4?<assistant><answer>7</answer><user>What is 1 + 1? Think.<assistant>");
  const std::string zero =
      renderer_of(with_form("r1_zero"), "", {"thinking", "answer", "<thinking>"})
          .text(asking("Q?"))
          .text;
  EXPECT_NE(zero.find("<thinking> reasoning process here </thinking>"), std::string::npos);
  EXPECT_EQ(zero.substr(zero.size() - 29), "User: Q? Assistant:<thinking>");
  EXPECT_EQ(renderer_of(with_form("guide"), "").text(asking("Q?")).text,
            "### 지시문:\nQ?\n\n### 응답:\n");
  EXPECT_EQ(renderer_of(with_form("plain"), "").text(asking("Q?")).text, "Q?\n");
}

TEST(Render, AModelWithoutAChatTemplateNamesTheOptions) {
  try {
    renderer_of(with_form("chat"), "").text(asking("Q?"));
    ADD_FAILURE() << "was rendered";
  } catch (const base::ConfigError& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("data.prompt_template"), std::string::npos) << what;
    EXPECT_NE(what.find("model.chat_template (chatml, "), std::string::npos) << what;
  }
}

TEST(Render, TemplateVariablesReachTheTemplate) {
  DataOptions o;
  o.template_variables = {"enable_thinking=false", " mode = \"x\""};
  EXPECT_EQ(renderer_of(o, "{{ enable_thinking }}{{ mode }}").text(asking("Q?")).text, "Falsex");
  for (const char* wrong : {"enable_thinking", "=1", "a b=1", "a=b"}) {
    o.template_variables = {wrong};
    EXPECT_THROW(renderer_of(o, ""), base::InputError) << wrong;
  }
}

TEST(Render, BosStandsInFrontOnceWhereTheTokenizerSaysSo) {
  const Problem problem{"Q", "", "", "", "", ""};
  const auto first = [&](const char* form, bool adds_bos, const std::string& chat_template) {
    auto definition = bytes_with(chat_template);
    definition.adds_bos = adds_bos;
    auto tokens = renderer_of(with_form(form), definition).prompt(problem, 0).token_ids;
    tokens.resize(2);
    return tokens;
  };
  for (const char* form : {"plain", "r1_zero", "guide"}) {
    EXPECT_EQ(first(form, true, "")[0], kBos) << form;
    EXPECT_NE(first(form, true, "")[1], kBos) << form;
    EXPECT_NE(first(form, false, "")[0], kBos) << form;
  }
  // A chat template says itself whether bos is in front.
  EXPECT_EQ(first("chat", true, "{{ bos_token }}x"), (std::vector<TokenId>{kBos, 'x'}));
  EXPECT_EQ(first("chat", true, "xy"), ids("xy"));
}

TEST(Render, ATextAsGivenHasOneBos) {
  auto definition = bytes_with("");
  definition.adds_bos = true;
  const auto renderer = renderer_of(with_form("plain"), definition);
  for (const char* text : {"<s>ab", "ab"})
    EXPECT_EQ(renderer.prompt_ids(renderer.as_given(text)), (std::vector<TokenId>{kBos, 'a', 'b'}));
  EXPECT_EQ(renderer.prompt_ids(renderer.as_given("")), std::vector<TokenId>{kBos});
}

TEST(Opening, IsTheTagsThatThePromptEndsWith) {
  const RenderTags tags{"thinking", "answer", ""};
  EXPECT_EQ(opening_of("<assistant>\n<think>\n", tags), "<think>\n");
  EXPECT_EQ(opening_of("<assistant>\n<thinking>", tags), "<thinking>");
  EXPECT_EQ(opening_of("a<think>\n\n</think>\n\n", tags), "<think>\n\n</think>\n\n");
  EXPECT_EQ(opening_of("a <thinking></thinking>\n<answer>", tags),
            "<thinking></thinking>\n<answer>");
  EXPECT_EQ(opening_of("<assistant></think>", tags), "");
  EXPECT_EQ(opening_of("<assistant>", tags), "");
  EXPECT_EQ(opening_of("<think>a</think>\n", tags), "");
  EXPECT_EQ(opening_of("", tags), "");
}

TEST(Opening, OfTheTemplateIsPartOfTheAnswer) {
  const std::string opens = std::string(kTurns) + "{{ '<think>\\n' }}";
  Rollout rollout;
  rollout.prompt = renderer_of({}, opens).prompt({"Q", "", "", "", "", ""}, 0);
  rollout.completion.text = "a</think>b";
  EXPECT_EQ(rollout.prompt.text, "<user>Q<assistant><think>\n");
  EXPECT_EQ(whole_answer(rollout), "<think>\na</think>b");
}

TEST(Opening, AForcedOneIsNotRepeated) {
  for (const char* forced : {"<think>\n", "<think>"}) {
    const RenderTags tags{"think", "answer", forced};
    const auto opened =
        renderer_of({}, std::string(kTurns) + "{{ '<think>\\n' }}", tags).text(asking("Q"));
    EXPECT_EQ(opened.text, "<user>Q<assistant><think>\n") << forced;
    EXPECT_EQ(opened.opening, "<think>\n") << forced;
    const auto plain = renderer_of({}, kTurns, tags).text(asking("Q"));
    EXPECT_EQ(plain.text, "<user>Q<assistant>" + std::string(forced));
    EXPECT_EQ(plain.opening, forced);
  }
}

nlohmann::json answered(const std::string& completion) {
  return {
      {"messages",
       {{{"role", "user"}, {"content", "a"}}, {{"role", "assistant"}, {"content", completion}}}}};
}

TEST(Opening, OfARecordIsLeftOutWhereThePromptHasIt) {
  const auto read = [](const std::string& opening, const std::string& completion) {
    const auto text =
        sft_text(answered(completion),
                 renderer_of({}, std::string(kTurns) + "{{ '" + opening + "' }}"), {}, "f:1");
    return text.prompt.text + "|" + text.completion;
  };
  EXPECT_EQ(read("<think>\\n", "<think>\nb</think>c"), "<user>a<assistant><think>\n|b</think>c");
  EXPECT_EQ(read("<think>\\n", "\n<think> b</think>c"), "<user>a<assistant><think>\n|b</think>c");
  EXPECT_EQ(read("<think>", "<think>\nb</think>c"), "<user>a<assistant><think>|\nb</think>c");
  EXPECT_EQ(read("<think>\\n", "b</think>c"), "<user>a<assistant><think>\n|b</think>c");
  EXPECT_EQ(read("", "<think>b</think>c"), "<user>a<assistant>|<think>b</think>c");
  // The prompt has closed the thinking of a record that thinks.
  EXPECT_EQ(read("<think>\\n\\n</think>\\n\\n", "<think>b</think>c"),
            "<user>a<assistant>|<think>b</think>c");
  EXPECT_EQ(read("<think>\\n\\n</think>\\n\\n", "c"),
            "<user>a<assistant><think>\n\n</think>\n\n|c");
}

TEST(Opening, OfARecordsOwnPromptCountsToo) {
  const auto text = sft_text({{"prompt", "Q<think>\n"}, {"completion", "<think>\nb</think>c"}},
                             renderer_of(with_form("plain"), ""), {}, "f:1");
  EXPECT_EQ(text.prompt.text + "|" + text.completion, "Q<think>\n|b</think>c");
}

TEST(Sft, EndTokenIsInTheLossAndPromptOnlyWhenAsked) {
  const auto renderer = renderer_of({}, kTurns);
  const auto text = sft_text(answered("b"), renderer, {}, "f:1");
  EXPECT_EQ(text.prompt.text, "<user>a<assistant>");
  const TrainingSample sample = sft_sample(text, renderer, LossOn::Completion);
  EXPECT_EQ(sample.completion_ids, (std::vector<TokenId>{'b', kEnd}));
  const TrainingSample all = sft_sample(text, renderer, LossOn::All);
  EXPECT_TRUE(all.prompt_ids.empty());
  EXPECT_EQ(all.completion_ids.size(), text.prompt.text.size() + 2);
  const DataOptions guide = with_form("guide");
  EXPECT_EQ(sft_text({{"instruction", "i"}, {"input", "x"}, {"output", "o"}},
                     renderer_of(guide, ""), guide, "f:1")
                .prompt.text,
            "### 지시문:\ni\n\n### 입력:\nx\n\n### 응답:\n");
  EXPECT_THROW(sft_text({{"prompt", "p"}}, renderer, {}, "f:1"), base::InputError);
}

TEST(Sft, ACompletionThatEndsWithAnEndTokenGetsNoSecondOne) {
  const auto renderer = renderer_of({}, kTurns);
  const auto completion_of = [&](const std::string& text) {
    return sft_sample(sft_text(answered(text), renderer, {}, "f:1"), renderer, LossOn::Completion)
        .completion_ids;
  };
  const std::vector<TokenId> once{'2', kEnd};
  EXPECT_EQ(completion_of("2"), once);
  EXPECT_EQ(completion_of("2<|im_end|>"), once);
  EXPECT_EQ(completion_of("2<|im_end|>\n"), once);
  EXPECT_EQ(completion_of("2<|endoftext|>"), (std::vector<TokenId>{'2', kOtherEnd}));
  EXPECT_EQ(completion_of("2\n"), (std::vector<TokenId>{'2', '\n', kEnd}));
}

TEST(Sft, ATokenizerWithoutAnEndTokenIsAnErrorThatNamesIt) {
  auto definition = bytes_with(kTurns);
  definition.eos_ids.clear();
  definition.special_tokens["eos_token"] = "</s>";
  const auto renderer = renderer_of({}, definition);
  const auto text = sft_text(answered("b"), renderer, {}, "f:1");
  try {
    sft_sample(text, renderer, LossOn::Completion);
    ADD_FAILURE() << "was made";
  } catch (const base::ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("eos_token is '</s>', which the vocabulary lacks"),
              std::string::npos)
        << error.what();
  }
}

TEST(Sft, ReadsConversationsInTheFieldsThatHoldThem) {
  const auto renderer = renderer_of({}, kTurns);
  using json = nlohmann::json;
  const json question{{{"role", "user"}, {"content", "a"}}};
  const json answer{{{"role", "assistant"}, {"content", "b"}}};
  const json sharegpt{{{"from", "human"}, {"value", "a"}}, {{"from", "gpt"}, {"value", "b"}}};
  for (const json& record :
       {json{{"prompt", question}, {"completion", answer}},
        json{{"prompt", question}, {"completion", "b"}},
        json{{"prompt", question}, {"answer", "b"}}, json{{"conversations", sharegpt}}}) {
    const auto text = sft_text(record, renderer, {}, "f:1");
    EXPECT_EQ(text.prompt.text, "<user>a<assistant>") << record;
    EXPECT_EQ(text.completion, "b") << record;
  }
}

TEST(Render, TurnsOfAProblemAreRenderedWithItsSystemMessage) {
  DataOptions o;
  o.system_prompt = "mine";
  o.instruction = "{problem} Think.";
  const auto renderer = renderer_of(o, kTurns);
  const auto text = [&](const nlohmann::json& record) {
    return renderer.text(make_problem(record, o, "f:1")).text;
  };
  EXPECT_EQ(text({{"problem", "q"}}), "<system>mine<user>q Think.<assistant>");
  EXPECT_EQ(text({{"prompt", {{{"role", "user"}, {"content", "q"}}}}}),
            "<system>mine<user>q Think.<assistant>");
  EXPECT_EQ(text({{"prompt",
                   {{{"role", "system"}, {"content", "own"}},
                    {{"role", "user"}, {"content", "a"}},
                    {{"role", "assistant"}, {"content", "b"}},
                    {{"role", "user"}, {"content", "q"}}}}}),
            "<system>own<user>a<assistant>b<user>q Think.<assistant>");
}

TEST(Sft, RefusesConversationsThatAreNone) {
  const auto renderer = renderer_of({}, kTurns);
  using json = nlohmann::json;
  for (const json& messages :
       {json::array(), json("a"), json{json(1)}, json{{{"role", 1}, {"content", "a"}}},
        json{{{"role", "user"}, {"content", "a"}}}, json{{{"role", "assistant"}}}})
    EXPECT_THROW(sft_text({{"messages", messages}}, renderer, {}, "f:1"), base::InputError)
        << messages;
}

TEST(Sft, ReadsTheFieldsThatDataNames) {
  DataOptions o;
  const auto renderer = renderer_of(o, kTurns);
  const auto read = [&](const nlohmann::json& record) {
    return sft_text(record, renderer, o, "f:1");
  };
  EXPECT_EQ(read({{"problem", "p"}, {"answer", 7}}).completion, "7");
  EXPECT_EQ(read({{"problem", "p"}, {"answer", "7"}, {"solution", "so 7"}}).completion, "so 7");
  EXPECT_EQ(read({{"question", "p"}, {"answer", "so\n#### 7"}}).completion, "so\n#### 7");
  EXPECT_EQ(read({{"question", "p"}, {"answer", "7"}}).prompt.text, "<user>p<assistant>");
  o.problem_fields = {"task"};
  o.answer_fields = {"reply"};
  EXPECT_EQ(read({{"task", "t"}, {"reply", "r"}, {"solution", "s"}}).completion, "r");
  EXPECT_THROW(read({{"problem", "p"}, {"answer", "7"}}), base::InputError);
  EXPECT_THROW(read({{"task", "t"}}), base::InputError);
}

}  // namespace
}  // namespace r1::data
