// Conversations are rendered as the models' own Jinja templates render them.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "base/files.h"
#include "tokenizer/known_chat_templates.h"
#include "unit/formats/smollm2.h"

namespace r1::tokenizer {
namespace {

using Messages = std::vector<ChatMessage>;

const Messages kThinking = {{"user", "q"},
                            {"assistant", "<think>\na\n</think>\n\nb"},
                            {"user", "r"},
                            {"assistant", "<think>\nc\n</think>\n\nd"}};

Definition definition_with(const std::string& bos, const std::string& eos) {
  Definition definition;
  if (!bos.empty()) {
    definition.added_tokens.push_back({bos, 0});
    definition.bos_id = 0;
  }
  definition.added_tokens.push_back({eos, 1});
  definition.eos_ids = {1};
  return definition;
}

Messages read_messages(const nlohmann::json& list) {
  Messages messages;
  for (const auto& entry : list) messages.push_back({entry["role"], entry["content"]});
  return messages;
}

/// Renders each line of a golden file by the template `choose` gives for it.
template <class Choose>
int expect_golden(const std::string& path, Choose choose) {
  std::ifstream file(path);
  int lines = 0;
  for (std::string line; std::getline(file, line);) {
    const auto golden = nlohmann::json::parse(line);
    const std::optional<ChatTemplate> chat = choose(golden);
    if (!chat) continue;
    RenderOptions options;
    options.add_generation_prompt = golden["add_generation_prompt"];
    // The golden renderings leave enable_thinking undefined, which QwQ's template reads as false.
    options.enable_thinking = golden["template"] != "Qwen-QwQ-32B";
    EXPECT_EQ(render_chat(*chat, read_messages(golden["messages"]), options), golden["rendered"])
        << golden["template"];
    ++lines;
  }
  return lines;
}

TEST(ChatTemplate, NamedTemplatesEqualTheGoldenRenderings) {
  const std::map<std::string, std::string> names = {
      {"Qwen-Qwen2.5-7B-Instruct", "qwen2.5"},
      {"Qwen-Qwen3-0.6B", "qwen3"},
      {"deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", "deepseek-r1"},
      {"deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "deepseek-r1"},
      {"meta-llama-Llama-3.1-8B-Instruct", "llama3.1"}};
  const int lines = expect_golden(
      R1_SOURCE_DIR "/tests/data/tokenizer/chat_golden.jsonl",
      [&](const nlohmann::json& golden) -> std::optional<ChatTemplate> {
        const auto name = names.find(golden["template"]);
        if (name == names.end()) return std::nullopt;
        return make_chat_template(name->second,
                                  definition_with(golden["bos_token"], "<｜end▁of▁sentence｜>"));
      });
  EXPECT_EQ(lines, 40);
}

TEST(ChatTemplate, DetectedTemplatesEqualTheGoldenRenderings) {
  const auto folder = test::find_shared("tokenizers");
  if (!folder) GTEST_SKIP() << "needs the shared chat templates (R1_SHARED)";
  const int lines = expect_golden(
      *folder + "/golden/chat_golden.jsonl",
      [&](const nlohmann::json& golden) -> std::optional<ChatTemplate> {
        const std::string name = golden["template"];
        Definition definition = definition_with(golden["bos_token"], "<｜end▁of▁sentence｜>");
        definition.chat_template = base::read_file(*folder + "/chat_templates/" + name + ".jinja");
        return detect_chat_template(definition);
      });
  EXPECT_EQ(lines, 72);
}

TEST(ChatTemplate, SmolLm2HasItsSystemPrompt) {
  const std::string jinja =
      "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ "
      "'<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging "
      "Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + "
      "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}";
  Definition definition = definition_with("<|im_start|>", "<|im_end|>");
  definition.chat_template = jinja;
  for (const char* name : {"auto", "smollm2"})
    EXPECT_EQ(render_chat(make_chat_template(name, definition), Messages{{"user", "Hi"}}),
              "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging "
              "Face<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
}

TEST(ChatTemplate, SmolLm3SystemMessagesNameTheMode) {
  const ChatTemplate chat = make_chat_template("smollm3", definition_with("", "<|im_end|>"));
  const Messages messages = {
      {"system", "Be brief. /no_think\n"}, {"user", "q"}, {"assistant", "\na"}};
  EXPECT_EQ(render_chat(chat, messages),
            "<|im_start|>system\n## Metadata\n\nKnowledge Cutoff Date: June 2025\nReasoning Mode: "
            "/no_think\n\n## Custom Instructions\n\nBe brief.\n\n<|im_end|>\n<|im_start|>user\nq"
            "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\na<|im_end|>\n"
            "<|im_start|>assistant\n<think>\n\n</think>\n");
}

TEST(ChatTemplate, EscapesInADefaultSystemPromptAreRead) {
  Definition definition = definition_with("", "<|im_end|>");
  const std::string given =
      R"({{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }})";
  definition.chat_template = given;
  EXPECT_EQ(detect_chat_template(definition).default_system, "");
  definition.chat_template =
      given + R"({{- '<|im_start|>system\nIt\'s in \\boxed{}.\nGo.<|im_end|>\n' }})";
  EXPECT_EQ(detect_chat_template(definition).default_system, "It's in \\boxed{}.\nGo.");
}

TEST(ChatTemplate, TrainingKeepsPastThinkingInferenceStripsIt) {
  RenderOptions inference;
  inference.add_generation_prompt = false;
  RenderOptions training = inference;
  training.keep_past_thinking = true;
  const Definition definition = definition_with("<B>", "<E>");
  const ChatTemplate r1 = make_chat_template("deepseek-r1", definition);
  EXPECT_EQ(render_chat(r1, kThinking, inference),
            "<B><｜User｜>q<｜Assistant｜>\n\nb<E><｜User｜>r<｜Assistant｜>\n\nd<E>");
  EXPECT_EQ(render_chat(r1, kThinking, training),
            "<B><｜User｜>q<｜Assistant｜><think>\na\n</think>\n\nb<E><｜User｜>r<｜Assistant｜>"
            "<think>\nc\n</think>\n\nd<E>");
  const ChatTemplate qwen3 = make_chat_template("qwen3", definition);
  const std::string last =
      "<|im_start|>user\nr<|im_end|>\n<|im_start|>assistant\n<think>\nc\n</think>\n\nd<|im_end|>\n";
  EXPECT_EQ(render_chat(qwen3, kThinking, inference),
            "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n" + last);
  EXPECT_EQ(render_chat(qwen3, kThinking, training),
            "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n<think>\na\n</think>\n\nb"
            "<|im_end|>\n" +
                last);
}

// As Qwen3's own template: the answer to the last real question keeps its thinking.
TEST(ChatTemplate, Qwen3TakesResultsOfToolsForNoQuestions) {
  const ChatTemplate chat = make_chat_template("qwen3", definition_with("", "<|im_end|>"));
  const std::string tool = "<tool_response>\n1\n</tool_response>";
  const Messages messages = {
      {"user", "q"}, {"assistant", "<think>a</think>b"}, {"user", tool}, {"assistant", "c"}};
  EXPECT_EQ(render_chat(chat, messages, {false, true, false}),
            "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n<think>\na\n</think>\n\n"
            "b<|im_end|>\n<|im_start|>user\n" +
                tool + "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\nc<|im_end|>\n");
  const Messages no_question = {{"user", tool}, {"assistant", "c"}};
  EXPECT_EQ(render_chat(chat, no_question, {false, true, false}),
            "<|im_start|>user\n" + tool + "<|im_end|>\n<|im_start|>assistant\nc<|im_end|>\n");
}

TEST(ChatTemplate, ThinkingCanBeSwitchedOff) {
  const ChatTemplate qwen3 = make_chat_template("qwen3", definition_with("", "<E>"));
  RenderOptions off;
  off.enable_thinking = false;
  EXPECT_EQ(render_chat(qwen3, Messages{{"user", "q"}}, off),
            "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n");
  EXPECT_EQ(forced_opening(qwen3), "");
  EXPECT_EQ(forced_opening(make_chat_template("deepseek-r1", definition_with("", "<E>"))),
            "<think>\n");
}

TEST(ChatTemplate, DeepSeekV3JoinsSystemMessages) {
  const ChatTemplate v3 = make_chat_template("deepseek-v3", definition_with("<B>", "<E>"));
  EXPECT_EQ(render_chat(v3, Messages{{"system", "a"}, {"system", "b"}, {"user", "q"}}),
            "<B>a\n\nb<｜User｜>q<｜Assistant｜>");
}

TEST(ChatTemplate, GuideHasInstructionInputAndAnswer) {
  const ChatTemplate guide = make_chat_template("guide", definition_with("", "<E>"));
  RenderOptions whole;
  whole.add_generation_prompt = false;
  const Messages messages = {{"user", "Add."}, {"input", "1 + 1"}, {"assistant", "2"}};
  EXPECT_EQ(render_chat(guide, messages, whole),
            "### 지시문:\nAdd.\n\n### 입력:\n1 + 1\n\n### 응답:\n2<E>");
  EXPECT_EQ(render_chat(guide, Messages{{"user", "Add."}}),
            "### 지시문:\nAdd.\n\n### 입력:\n\n\n### 응답:\n");
  const ChatTemplate chat_ml = make_chat_template("chatml", definition_with("", "<E>"));
  EXPECT_EQ(render_chat(chat_ml, std::span(messages).first(2)),
            "<|im_start|>user\nAdd.\n\n1 + 1<|im_end|>\n<|im_start|>assistant\n");
}

TEST(ChatTemplate, R1ZeroAsksForItsTags) {
  ChatTemplate zero = make_chat_template("r1-zero", definition_with("", "<E>"));
  zero.think_tag = "thinking";
  EXPECT_EQ(render_chat(zero, Messages{{"user", "What is 1 + 1?"}}),
            "A conversation between User and Assistant. The user asks a question, and the "
            "Assistant solves it. The assistant first thinks about the reasoning process in the "
            "mind and then provides the user with the answer. The reasoning process and answer "
            "are enclosed within <thinking> </thinking> and <answer> </answer> tags, "
            "respectively, i.e., <thinking> reasoning process here </thinking> <answer> answer "
            "here </answer>. User: What is 1 + 1?. Assistant:");
}

TEST(ChatTemplate, RefusesUnknownNamesRolesAndTemplates) {
  const Definition definition = definition_with("", "<E>");
  EXPECT_THROW(make_chat_template("chatmI", definition), base::InputError);
  EXPECT_THROW(make_chat_template("auto", definition), base::InputError);
  const ChatTemplate chat = make_chat_template("chatml", definition);
  EXPECT_THROW(render_chat(chat, Messages{{"tool", "x"}}), base::InputError);
  EXPECT_THROW(render_chat(chat, Messages{{"input", "x"}}), base::InputError);
}

}  // namespace
}  // namespace r1::tokenizer
