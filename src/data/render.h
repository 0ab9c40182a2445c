#pragma once
// From a problem or a conversation to the text and tokens a model is given, and what of that text
// belongs to the model's answer.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"
#include "data/types.h"
#include "tokenizer/chat_template.h"
#include "tokenizer/tokenizer.h"

namespace r1::data {

/// Tags of the thinking part and of the answer, and what is put behind the prompt.
struct RenderTags {
  std::string think = "think";
  std::string answer = "answer";
  std::string forced_opening;
};

/// A prompt as text.
struct PromptText {
  std::string text;      // ends where the model goes on
  std::string opening;   // the end of `text` that the model's answer begins with: "<think>\n"
  bool is_chat = false;  // rendered by a chat template, which says itself whether bos is in front

  bool operator==(const PromptText&) const = default;
};

/// What the end of a prompt opens for the model: tags of `tags` (or <think>) with nothing but white
/// space between and behind them, the first of which opens. "" when it opens nothing.
/// Examples: "<think>\n", "<think>\n\n</think>\n\n", but not "</think>" alone.
std::string opening_of(std::string_view prompt, const RenderTags& tags);

/// Renders prompts of one configuration.
class PromptRenderer {
 public:
  /// `now`: the time of the run's start, for templates that name the day. Throws: InputError when
  /// the chat template cannot be read (prompt_template "chat").
  PromptRenderer(const DataOptions& options, RenderTags tags,
                 std::shared_ptr<const tokenizer::Tokenizer> tokenizer, const std::tm& now);

  /// What the user says: [data] instruction with the problem in it.
  std::string user_text(const std::string& problem) const;
  /// The whole prompt of a problem, system message and few-shot turns included; those of [data]
  /// come in front of the problem's own turns, and its own system message wins.
  PromptText text(const Problem& problem) const;
  /// A prompt of a step with its tokens; `index` is its number in the step.
  Prompt prompt(const Problem& problem, std::int64_t index) const;
  /// A conversation up to where the model answers; [data] template_variables are added to its own.
  /// Throws: ConfigError when the model has no chat template (prompt_template "chat"), InputError
  /// when the template refuses the conversation.
  PromptText conversation(const tokenizer::Conversation& conversation) const;
  /// The template's text of a conversation as it is. Throws as conversation().
  jinja::Rendering render(tokenizer::Conversation conversation, bool add_generation_prompt) const;
  /// A text that the template rendered.
  PromptText rendered(std::string text) const;
  /// A text that is a prompt as it is.
  PromptText as_given(const std::string& text) const;

  /// Tokens of a prompt: bos stands in front, once, where the tokenizer says so and no chat
  /// template decides about it.
  std::vector<TokenId> prompt_ids(const PromptText& prompt) const;
  /// Tokens of what the model writes.
  std::vector<TokenId> completion_ids(const std::string& text) const {
    return tokenizer_->encode(text);
  }
  /// The token that ends a sample to learn from. Throws: ConfigError when the tokenizer has none.
  TokenId end_token() const;
  bool is_end_token(TokenId id) const;
  /// Where the first end token behind `from` ends in a text; npos: there is none.
  std::size_t end_of_turn(std::string_view text, std::size_t from) const;

 private:
  DataOptions options_;
  RenderTags tags_;
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer_;
  nlohmann::ordered_json variables_;
  std::optional<tokenizer::ChatTemplate> template_;  // none: the model has no chat template
};

/// Reads [data] template_variables: "name = JSON value". Throws: InputError naming the entry.
nlohmann::ordered_json read_template_variables(const std::vector<std::string>& entries);

}  // namespace r1::data
