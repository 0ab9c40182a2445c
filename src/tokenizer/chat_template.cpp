#include "tokenizer/chat_template.h"

#include <algorithm>
#include <string_view>

#include "base/errors.h"

namespace r1::tokenizer {
namespace {

constexpr std::string_view kThinkOpen = "<think>";
constexpr std::string_view kThinkClose = "</think>";
constexpr std::string_view kWhitespace = " \t\n\v\f\r";

constexpr const char* kSmolLm3System =
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face.";
constexpr const char* kSmolLm3Thinking =
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face. Your role as an "
    "assistant involves thoroughly exploring questions through a systematic thinking process "
    "before providing the final precise and accurate solutions. This requires engaging in a "
    "comprehensive cycle of analysis, summarizing, exploration, reassessment, reflection, "
    "backtracking, and iteration to develop well-considered thinking process. Please structure "
    "your response into two main sections: Thought and Solution using the specified format: "
    "<think> Thought section </think> Solution section. In the Thought section, detail your "
    "reasoning process in steps. Each step should include detailed considerations such as "
    "analysing questions, summarizing relevant findings, brainstorming new ideas, verifying the "
    "accuracy of the current steps, refining any errors, and revisiting previous steps. In the "
    "Solution section, based on various attempts, explorations, and reflections from the Thought "
    "section, systematically present the final solution that you deem correct. The Solution "
    "section should be logical, accurate, and concise and detail necessary steps needed to reach "
    "the conclusion.";

std::string_view strip(std::string_view text, std::string_view characters) {
  const std::size_t first = text.find_first_not_of(characters);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(characters) - first + 1);
}

std::string_view strip_left(std::string_view text, std::string_view characters) {
  return text.substr(std::min(text.find_first_not_of(characters), text.size()));
}

/// What follows the last </think>; everything when there is none.
std::string_view answer_part(std::string_view content) {
  const std::size_t close = content.rfind(kThinkClose);
  return close == std::string_view::npos ? content : content.substr(close + kThinkClose.size());
}

/// What lies between the last <think> before the first </think> and it.
std::string_view thinking_part(std::string_view content) {
  const std::size_t close = content.find(kThinkClose);
  if (close == std::string_view::npos) return {};
  const std::string_view before = content.substr(0, close);
  const std::size_t open = before.rfind(kThinkOpen);
  return strip(open == std::string_view::npos ? before : before.substr(open + kThinkOpen.size()),
               "\n");
}

/// A user's message that is no result of a tool, which Qwen3 writes as the user's too.
bool is_question(const ChatMessage& message) {
  return message.role == "user" && !(message.content.starts_with("<tool_response>") &&
                                     message.content.ends_with("</tool_response>"));
}

class Renderer {
 public:
  Renderer(const ChatTemplate& chat, std::span<const ChatMessage> messages,
           const RenderOptions& options)
      : chat_(chat), messages_(messages), options_(options) {}

  std::string render() {
    out_ = chat_.bos;
    switch (chat_.kind) {
      case ChatKind::ChatMl:
        chat_ml();
        break;
      case ChatKind::Llama3:
        llama3();
        break;
      case ChatKind::DeepSeek:
        deepseek();
        break;
      case ChatKind::Guide:
        guide();
        break;
      case ChatKind::R1Zero:
        r1_zero();
        break;
    }
    if (options_.add_generation_prompt) out_ += forced_opening(chat_, options_);
    return std::move(out_);
  }

 private:
  bool is_last(std::size_t i) const { return i + 1 == messages_.size(); }
  bool begins_with_system() const { return !messages_.empty() && messages_[0].role == "system"; }

  void chat_ml_turn(std::string_view role, std::string_view content) {
    out_ += fmt::format("<|im_start|>{}\n{}<|im_end|>\n", role, content);
  }

  // Reference: chat template of SmolLM3-3B. The system message may name the mode itself.
  void smollm3() {
    std::string own = begins_with_system() ? messages_[0].content : std::string();
    const bool says_no = own.find("/no_think") != std::string::npos;
    const bool says_yes = !says_no && own.find("/think") != std::string::npos;
    const bool thinks = says_yes || (options_.enable_thinking && !says_no);
    for (const std::string_view mode : {"/no_think", "/think"})
      for (std::size_t at = own.find(mode); at != std::string::npos; at = own.find(mode, at))
        own.erase(at, mode.size());
    own.erase(own.find_last_not_of(kWhitespace) + 1);
    if (own.empty()) own = thinks ? kSmolLm3Thinking : kSmolLm3System;
    out_ += fmt::format(
        "<|im_start|>system\n## Metadata\n\nKnowledge Cutoff Date: June 2025\nReasoning Mode: "
        "{}\n\n## Custom Instructions\n\n{}\n\n<|im_end|>\n",
        thinks ? "/think" : "/no_think", own);
    const std::string empty_thinking = thinks ? "" : "<think>\n\n</think>\n";
    for (const ChatMessage& message : messages_) {
      if (message.role == "user") chat_ml_turn("user", message.content);
      if (message.role == "assistant")
        chat_ml_turn("assistant", empty_thinking + std::string(strip_left(message.content, "\n")));
    }
    if (options_.add_generation_prompt) out_ += "<|im_start|>assistant\n" + empty_thinking;
  }

  void chat_ml() {
    if (chat_.has_reasoning_modes) return smollm3();
    if (!chat_.default_system.empty() && !begins_with_system())
      chat_ml_turn("system", chat_.default_system);
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      const bool is_answer = messages_[i].role == "assistant";
      chat_ml_turn(messages_[i].role, is_answer ? chat_ml_answer(i) : messages_[i].content);
    }
    if (options_.add_generation_prompt) out_ += "<|im_start|>assistant\n";
  }

  std::string chat_ml_answer(std::size_t i) const {
    const std::string& content = messages_[i].content;
    const bool keeps = !chat_.strips_past_thinking || options_.keep_past_thinking;
    if (!chat_.wraps_last_answer)
      return keeps || is_last(i) ? content : std::string(strip_left(answer_part(content), "\n"));
    const bool thought = content.find(kThinkClose) != std::string::npos;
    const std::string_view answer = thought ? strip_left(answer_part(content), "\n") : content;
    const std::string_view thinking = thinking_part(content);
    const auto question = std::find_if(messages_.rbegin(), messages_.rend(), is_question);
    const auto last_question = messages_.rend() - question - 1;
    const bool after_last_question =
        question != messages_.rend() && static_cast<std::ptrdiff_t>(i) > last_question;
    if ((after_last_question || keeps) && (is_last(i) || !thinking.empty()))
      return fmt::format("<think>\n{}\n</think>\n\n{}", thinking, strip_left(answer, "\n"));
    return std::string(answer);
  }

  void llama3_turn(std::string_view role, std::string_view content) {
    out_ += fmt::format("<|start_header_id|>{}<|end_header_id|>\n\n{}<|eot_id|>", role, content);
  }

  void llama3() {
    std::span<const ChatMessage> rest = messages_;
    if (chat_.has_date_header) {
      std::string system = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n";
      if (begins_with_system()) {
        system += strip(messages_[0].content, kWhitespace);
        rest = rest.subspan(1);
      }
      llama3_turn("system", system);
    }
    for (const ChatMessage& message : rest)
      llama3_turn(message.role, strip(message.content, kWhitespace));
    if (options_.add_generation_prompt) out_ += "<|start_header_id|>assistant<|end_header_id|>\n\n";
  }

  void deepseek() {
    std::string system;
    for (const ChatMessage& message : messages_)
      if (message.role == "system")
        system = chat_.joins_system_messages && !system.empty() ? system + "\n\n" + message.content
                                                                : message.content;
    out_ += system;
    const bool strips = chat_.strips_past_thinking && !options_.keep_past_thinking;
    for (const ChatMessage& message : messages_) {
      if (message.role == "user")
        out_ += "<｜User｜>" + message.content + (chat_.ends_user_turns ? chat_.eos : "");
      else if (message.role == "assistant")
        out_ += fmt::format("<｜Assistant｜>{}{}",
                            strips ? answer_part(message.content) : message.content, chat_.eos);
    }
    if (options_.add_generation_prompt) out_ += "<｜Assistant｜>";
  }

  // The guide's records have an instruction, an input (which may be empty) and an output.
  void guide() {
    bool answer_due = false;
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      const ChatMessage& message = messages_[i];
      if (message.role == "system") {
        out_ += message.content + "\n\n";
      } else if (message.role == "user") {
        const bool has_input = !is_last(i) && messages_[i + 1].role == "input";
        out_ += fmt::format("### 지시문:\n{}\n\n### 입력:\n{}\n\n", message.content,
                            has_input ? messages_[i + 1].content : "");
        answer_due = true;
      } else if (message.role == "assistant") {
        out_ += fmt::format("### 응답:\n{}{}", message.content, chat_.eos);
        if (!is_last(i)) out_ += "\n\n";
        answer_due = false;
      }
    }
    if (options_.add_generation_prompt && answer_due) out_ += "### 응답:\n";
  }

  void r1_zero() {
    out_ += begins_with_system() ? messages_[0].content : r1_zero_preamble();
    for (const ChatMessage& message : messages_) {
      if (message.role == "user") out_ += " User: " + message.content + ".";
      if (message.role == "assistant") out_ += " Assistant: " + message.content + chat_.eos;
    }
    if (options_.add_generation_prompt) out_ += " Assistant:";
  }

  std::string r1_zero_preamble() const {
    return fmt::format(
        "A conversation between User and Assistant. The user asks a question, and the Assistant "
        "solves it. The assistant first thinks about the reasoning process in the mind and then "
        "provides the user with the answer. The reasoning process and answer are enclosed within "
        "<{0}> </{0}> and <{1}> </{1}> tags, respectively, i.e., <{0}> reasoning process here "
        "</{0}> <{1}> answer here </{1}>.",
        chat_.think_tag, chat_.answer_tag);
  }

  const ChatTemplate& chat_;
  std::span<const ChatMessage> messages_;
  const RenderOptions& options_;
  std::string out_;
};

void check_roles(std::span<const ChatMessage> messages) {
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::string& role = messages[i].role;
    if (role == "input" && (i == 0 || messages[i - 1].role != "user"))
      throw base::InputError(fmt::format("message {}: an input must follow a user message", i));
    if (role != "system" && role != "user" && role != "assistant" && role != "input")
      throw base::InputError(fmt::format(
          "message {}: expected role system, user, input or assistant, found {}", i, role));
  }
}

/// Appends each non-empty input to the instruction before it.
std::vector<ChatMessage> merge_inputs(std::span<const ChatMessage> messages) {
  std::vector<ChatMessage> merged;
  for (const ChatMessage& message : messages) {
    if (message.role != "input")
      merged.push_back(message);
    else if (!message.content.empty())
      merged.back().content += "\n\n" + message.content;
  }
  return merged;
}

}  // namespace

std::string render_chat(const ChatTemplate& chat, std::span<const ChatMessage> messages,
                        const RenderOptions& options) {
  check_roles(messages);
  if (chat.kind == ChatKind::Guide) return Renderer(chat, messages, options).render();
  const std::vector<ChatMessage> merged = merge_inputs(messages);
  return Renderer(chat, merged, options).render();
}

std::string forced_opening(const ChatTemplate& chat, const RenderOptions& options) {
  return options.enable_thinking ? chat.opening : chat.opening_not_thinking;
}

}  // namespace r1::tokenizer
