#include "data/render.h"

#include "base/errors.h"

namespace r1::data {
namespace {

std::string replaced(std::string text, std::string_view name, std::string_view value) {
  const std::size_t at = text.find(name);
  return at == std::string::npos ? text : text.replace(at, name.size(), value);
}

/// Reference: DeepSeek-R1, arXiv 2501.12948, table 1.
std::string r1_zero_head(const RenderTags& tags) {
  const std::string answer = tags.answer.empty() ? "answer" : tags.answer;
  return fmt::format(
      "A conversation between User and Assistant. The user asks a question, and the Assistant "
      "solves "
      "it. The assistant first thinks about the reasoning process in the mind and then provides "
      "the "
      "user with the answer. The reasoning process and answer are enclosed within <{0}> </{0}> and "
      "<{1}> </{1}> tags, respectively, i.e., <{0}> reasoning process here </{0}> <{1}> answer "
      "here "
      "</{1}>. ",
      tags.think, answer);
}

}  // namespace

std::string guide_prompt(const std::string& instruction, const std::string& input) {
  return fmt::format("### 지시문:\n{}\n\n### 입력:\n{}\n\n### 응답:\n", instruction, input);
}

PromptRenderer::PromptRenderer(const DataOptions& options, RenderTags tags, ChatRenderer chat)
    : options_(options), tags_(std::move(tags)), chat_(std::move(chat)) {
  if (options_.prompt_template == "chat" && !chat_)
    throw base::ConfigError(
        "data.prompt_template: the model has no chat template; use r1_zero, guide or plain");
}

std::string PromptRenderer::user_text(const std::string& problem) const {
  return replaced(options_.instruction, "{problem}", problem);
}

std::string PromptRenderer::conversation(const std::vector<Message>& messages) const {
  if (options_.prompt_template == "chat") return chat_(messages, true);
  std::string text = options_.prompt_template == "r1_zero" ? r1_zero_head(tags_) : "";
  for (const Message& m : messages) {
    if (options_.prompt_template == "guide") {
      text += m.role == "assistant" ? m.content + "\n\n"
                                    : replaced(guide_prompt(m.content, ""), "### 입력:\n\n\n", "");
    } else if (options_.prompt_template == "r1_zero") {
      text += m.role == "assistant" ? "Assistant: " + m.content + "\n" : "User: " + m.content + " ";
    } else {
      text += m.content + "\n";
    }
  }
  return options_.prompt_template == "r1_zero" ? text + "Assistant:" : text;
}

std::string PromptRenderer::text(const std::string& problem) const {
  std::vector<Message> messages;
  if (!options_.system_prompt.empty()) messages.push_back({"system", options_.system_prompt});
  for (const FewShotOptions& turn : options_.few_shot) {
    messages.push_back({"user", turn.user});
    messages.push_back({"assistant", turn.assistant});
  }
  messages.push_back({"user", user_text(problem)});
  return conversation(messages) + tags_.forced_opening;
}

Prompt PromptRenderer::prompt(const Problem& problem, std::int64_t index,
                              const Encoder& encode) const {
  Prompt out;
  out.index = index;
  out.text = text(problem.problem);
  out.token_ids = encode(out.text);
  out.problem = problem.problem;
  out.answer = problem.answer;
  out.domain = problem.domain;
  out.record = problem.record;
  return out;
}

}  // namespace r1::data
