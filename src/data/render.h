#pragma once
// From a problem to the text and tokens a model is given. The tokenizer comes in as two functions,
// so that this folder knows no model.
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"
#include "data/types.h"

namespace r1::data {

/// One turn: role is system, user or assistant.
struct Message {
  std::string role;
  std::string content;
};

/// The model's chat template; with `add_generation_prompt` the text ends where the model answers.
using ChatRenderer =
    std::function<std::string(const std::vector<Message>& messages, bool add_generation_prompt)>;
/// Tokens of a rendered text; adds no special token of its own but reads those in the text.
using Encoder = std::function<std::vector<TokenId>(std::string_view text)>;

/// Tags that the "r1_zero" template asks for, and what it puts behind the prompt.
struct RenderTags {
  std::string think = "think";
  std::string answer = "answer";
  std::string forced_opening;
};

/// Renders prompts of one configuration.
class PromptRenderer {
 public:
  /// `chat` is needed by the template "chat" alone. Throws: ConfigError when it is missing there.
  PromptRenderer(const DataOptions& options, RenderTags tags, ChatRenderer chat);

  /// What the user says: [data] instruction with the problem in it.
  std::string user_text(const std::string& problem) const;
  /// The whole text in front of the completion, few-shot turns and forced opening included.
  std::string text(const std::string& problem) const;
  /// A prompt of a step with its tokens; `index` is its number in the step.
  Prompt prompt(const Problem& problem, std::int64_t index, const Encoder& encode) const;
  /// A conversation up to where the model answers (SFT with {messages}).
  std::string conversation(const std::vector<Message>& messages) const;

 private:
  DataOptions options_;
  RenderTags tags_;
  ChatRenderer chat_;
};

/// The guide's prompt: "### 지시문:\n…\n\n### 입력:\n…\n\n### 응답:\n".
std::string guide_prompt(const std::string& instruction, const std::string& input);

}  // namespace r1::data
