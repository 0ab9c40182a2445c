// Conversations are rendered by the models' own templates as transformers renders them.
#include "tokenizer/chat_template.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>

#include "base/errors.h"
#include "base/files.h"
#include "support/temporary_folder.h"
#include "tokenizer/tokenizer_files.h"
#include "tokenizer/tokenizer_json.h"
#include "unit/formats/smollm2.h"
#include "unit/tokenizer/small_definition.h"

namespace r1::tokenizer {
namespace {

using Json = nlohmann::ordered_json;

/// 26 July 2024, of the golden renderings.
std::tm golden_day() {
  std::tm day{};
  day.tm_year = 124;
  day.tm_mon = 6;
  day.tm_mday = 26;
  return day;
}

Definition definition_with(const std::string& bos, const std::string& eos) {
  Definition definition;
  if (!bos.empty()) definition.special_tokens["bos_token"] = bos;
  if (!eos.empty()) definition.special_tokens["eos_token"] = eos;
  return definition;
}

ChatTemplate named(const std::string& name, const Definition& definition) {
  return {choose_chat_template(name, definition), definition, golden_day()};
}

Conversation conversation_of(const Json& messages) {
  Conversation conversation;
  conversation.messages = messages;
  return conversation;
}

Conversation turns(std::initializer_list<std::pair<const char*, const char*>> list) {
  Conversation conversation;
  for (const auto& [role, content] : list) conversation.add(role, content);
  return conversation;
}

const Json kThinking = {{{"role", "user"}, {"content", "q"}},
                        {{"role", "assistant"}, {"content", "<think>\na\n</think>\n\nb"}},
                        {{"role", "user"}, {"content", "r"}},
                        {{"role", "assistant"}, {"content", "<think>\nc\n</think>\n\nd"}}};

/// Renders each line of a golden file by the template that `choose` gives for it.
template <class Choose>
int expect_golden(const std::string& path, Choose choose) {
  std::ifstream file(path);
  int lines = 0;
  for (std::string line; std::getline(file, line);) {
    const auto golden = Json::parse(line);
    const std::optional<ChatTemplate> chat = choose(golden);
    if (!chat) continue;
    EXPECT_EQ(
        chat->render(conversation_of(golden["messages"]), golden["add_generation_prompt"]).text,
        golden["rendered"])
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
      [&](const Json& golden) -> std::optional<ChatTemplate> {
        const auto name = names.find(golden["template"]);
        if (name == names.end()) return std::nullopt;
        return named(name->second, definition_with(golden["bos_token"], "<｜end▁of▁sentence｜>"));
      });
  EXPECT_EQ(lines, 40);
}

TEST(ChatTemplate, OwnTemplatesEqualTheGoldenRenderings) {
  const auto folder = test::find_shared("tokenizers");
  if (!folder) GTEST_SKIP() << "needs the shared chat templates (R1_SHARED)";
  const int lines = expect_golden(
      *folder + "/golden/chat_golden.jsonl",
      [&](const Json& golden) -> std::optional<ChatTemplate> {
        const auto path =
            *folder + "/chat_templates/" + golden["template"].get<std::string>() + ".jinja";
        return named(path, definition_with(golden["bos_token"], "<｜end▁of▁sentence｜>"));
      });
  EXPECT_EQ(lines, 72);
}

/// Writes a byte-level tokenizer with <s> and </s>, and the files of a golden.
Definition read_folder(const Json& files) {
  const test::TemporaryFolder folder;
  Definition definition = test::small_definition();
  definition.chat_templates.clear();
  definition.added_tokens.push_back({"<s>", 400, true, false});
  definition.added_tokens.push_back({"</s>", 401, true, false});
  write_tokenizer_files(definition, folder.path());
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json"})
    std::filesystem::remove(folder.path(name));
  for (const auto& [name, text] : files.items()) {
    const std::filesystem::path path = folder.path(name);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text.get<std::string>();
  }
  return read_tokenizer_json(folder.path());
}

// make_chat_folders.py made the file.
TEST(ChatTemplate, FoldersRenderAsByTransformers) {
  std::ifstream file(R1_SOURCE_DIR "/tests/data/tokenizer/chat_folders.jsonl");
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    const auto golden = Json::parse(line);
    SCOPED_TRACE(golden["name"]);
    const Json& given = golden["conversation"];
    Conversation conversation = conversation_of(given["messages"]);
    conversation.tools = given.value("tools", Json());
    conversation.documents = given.value("documents", Json());
    conversation.variables = given.value("variables", Json::object());
    try {
      const auto text = named("auto", read_folder(golden["files"])).render(conversation, true).text;
      EXPECT_EQ(golden.value("text", "an error"), text);
    } catch (const base::InputError& error) {
      EXPECT_TRUE(golden.contains("error")) << error.what();
    }
  }
  EXPECT_EQ(lines, 16);
}

TEST(ChatTemplate, SmolLm2HasItsSystemPrompt) {
  EXPECT_EQ(named("smollm2", {}).render(turns({{"user", "Hi"}}), true).text,
            "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging "
            "Face<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
}

TEST(ChatTemplate, SmolLm3SystemMessagesNameTheMode) {
  const auto messages =
      turns({{"system", "Be brief. /no_think\n"}, {"user", "q"}, {"assistant", "\na"}});
  EXPECT_EQ(named("smollm3", {}).render(messages, true).text,
            "<|im_start|>system\n## Metadata\n\nKnowledge Cutoff Date: June 2025\nReasoning Mode: "
            "/no_think\n\n## Custom Instructions\n\nBe brief.\n\n<|im_end|>\n<|im_start|>user\nq"
            "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\na<|im_end|>\n"
            "<|im_start|>assistant\n<think>\n\n</think>\n");
}

TEST(ChatTemplate, EarlierAnswersLoseTheirThinking) {
  const Definition definition = definition_with("<B>", "<E>");
  EXPECT_EQ(named("deepseek-r1", definition).render(conversation_of(kThinking), false).text,
            "<B><｜User｜>q<｜Assistant｜>\n\nb<E><｜User｜>r<｜Assistant｜>\n\nd<E>");
  EXPECT_EQ(named("qwen3", definition).render(conversation_of(kThinking), false).text,
            "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n"
            "<|im_start|>user\nr<|im_end|>\n<|im_start|>assistant\n<think>\nc\n</think>\n\n"
            "d<|im_end|>\n");
}

// As Qwen3's own template: the answer to the last real question keeps its thinking.
TEST(ChatTemplate, Qwen3TakesResultsOfToolsForNoQuestions) {
  const ChatTemplate chat = named("qwen3", {});
  const char* const tool = "<tool_response>\n1\n</tool_response>";
  EXPECT_EQ(chat.render(turns({{"user", "q"},
                               {"assistant", "<think>a</think>b"},
                               {"user", tool},
                               {"assistant", "c"}}),
                        false)
                .text,
            "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n<think>\na\n</think>\n\n"
            "b<|im_end|>\n<|im_start|>user\n" +
                std::string(tool) +
                "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\nc<|im_end|>\n");
  EXPECT_EQ(chat.render(turns({{"user", tool}, {"assistant", "c"}}), false).text,
            "<|im_start|>user\n" + std::string(tool) +
                "<|im_end|>\n<|im_start|>assistant\nc<|im_end|>\n");
}

TEST(ChatTemplate, ThinkingCanBeSwitchedOff) {
  auto question = turns({{"user", "q"}});
  question.variables["enable_thinking"] = false;
  EXPECT_EQ(named("qwen3", {}).render(question, true).text,
            "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n");
}

TEST(ChatTemplate, DeepSeekV3JoinsSystemMessages) {
  EXPECT_EQ(named("deepseek-v3", definition_with("<B>", "<E>"))
                .render(turns({{"system", "a"}, {"system", "b"}, {"user", "q"}}), true)
                .text,
            "<B>a\n\nb<｜User｜>q<｜Assistant｜>");
}

TEST(ChatTemplate, GuideHasInstructionInputAndAnswer) {
  const ChatTemplate guide = named("guide", {});
  Conversation record = turns({{"user", "Add."}, {"assistant", "2"}});
  record.messages[0]["input"] = "1 + 1";
  EXPECT_EQ(guide.render(record, false).text,
            "### 지시문:\nAdd.\n\n### 입력:\n1 + 1\n\n### 응답:\n2\n\n");
  EXPECT_EQ(guide.render(turns({{"user", "Add."}}), true).text, "### 지시문:\nAdd.\n\n### 응답:\n");
}

TEST(ChatTemplate, R1ZeroAsksForItsTags) {
  Conversation question = turns({{"user", "What is 1 + 1?"}});
  question.variables["think_tag"] = "thinking";
  EXPECT_EQ(named("r1-zero", {}).render(question, true).text,
            "A conversation between User and Assistant. The user asks a question, and the "
            "Assistant solves it. The assistant first thinks about the reasoning process in the "
            "mind and then provides the user with the answer. The reasoning process and answer "
            "are enclosed within <thinking> </thinking> and <answer> </answer> tags, "
            "respectively, i.e., <thinking> reasoning process here </thinking> <answer> answer "
            "here </answer>. User: What is 1 + 1? Assistant:");
}

TEST(ChatTemplate, EveryNamedTemplateRendersAConversation) {
  const std::string names = chat_template_names();
  int count = 0;
  for (std::size_t at = 0; at < names.size(); ++count) {
    const std::size_t end = std::min(names.find(", ", at), names.size());
    const auto text = named(names.substr(at, end - at), {})
                          .render(turns({{"system", "s"}, {"user", "q"}, {"assistant", "a"}}), true)
                          .text;
    for (const char* part : {"s", "q", "a"}) EXPECT_NE(text.find(part), std::string::npos);
    at = end + 2;
  }
  EXPECT_EQ(count, 12);
}

std::string error_of(const std::string& name, const Definition& definition) {
  try {
    named(name, definition).render(turns({{"user", "q"}}), true);
    return "no error";
  } catch (const base::InputError& error) {
    return error.what();
  }
}

TEST(ChatTemplate, ErrorsNameWhatThereIs) {
  Definition definition;
  EXPECT_EQ(error_of("auto", definition), "the model has no chat template");
  definition.chat_templates = {{"rag", "R", "o"}};
  EXPECT_NE(error_of("auto", definition).find("only those named rag"), std::string::npos);
  EXPECT_NE(error_of("chatmI", definition).find("rag or one of chatml, "), std::string::npos);
  EXPECT_EQ(error_of("rag", definition), "no error");
  definition.chat_templates = {{"default", "\n{% include 'x' %}", "m/chat_template.jinja"}};
  EXPECT_EQ(error_of("auto", definition),
            "m/chat_template.jinja, line 2: the tag 'include' is not supported");
}

}  // namespace
}  // namespace r1::tokenizer
