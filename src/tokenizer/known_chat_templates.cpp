#include "tokenizer/known_chat_templates.h"

#include <string_view>

#include "base/errors.h"

namespace r1::tokenizer {
namespace {

constexpr const char* kQwen25System =
    "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.";
constexpr const char* kSmolLm2System =
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face";
constexpr const char* kNames =
    "auto, chatml, qwen2.5, qwen3, smollm2, smollm3, llama3, llama3.1, deepseek-v3, deepseek-r1, "
    "guide, "
    "r1-zero";

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string bos_text(const Definition& definition) {
  return definition.bos_id ? token_text(definition, *definition.bos_id) : std::string();
}

std::string eos_text(const Definition& definition) {
  return definition.eos_ids.empty() ? std::string()
                                    : token_text(definition, definition.eos_ids.front());
}

void make_qwen3(ChatTemplate& chat) {
  chat.strips_past_thinking = true;
  chat.wraps_last_answer = true;
  chat.opening_not_thinking = "<think>\n\n</think>\n\n";
}

void open_with_thinking(ChatTemplate& chat) {
  chat.opening = chat.opening_not_thinking = "<think>\n";
}

/// A string literal of Jinja without its escapes.
std::string unescape(std::string_view literal) {
  std::string text;
  for (std::size_t i = 0; i < literal.size(); ++i) {
    if (literal[i] != '\\' || i + 1 == literal.size()) {
      text.push_back(literal[i]);
      continue;
    }
    const char escaped = literal[++i];
    text.push_back(escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped);
  }
  return text;
}

/// The text between "<|im_start|>system\n" and "<|im_end|>" where both stand in one literal.
std::string literal_system_message(std::string_view jinja) {
  constexpr std::string_view start = "<|im_start|>system";
  for (std::size_t at = jinja.find(start); at != std::string_view::npos;
       at = jinja.find(start, at + 1)) {
    if (at == 0 || (jinja[at - 1] != '\'' && jinja[at - 1] != '"')) continue;
    const char quote = jinja[at - 1];
    std::string_view rest = jinja.substr(at + start.size());
    rest.remove_prefix(rest.starts_with("\\n") ? 2 : rest.starts_with('\n') ? 1 : 0);
    const std::string_view message = rest.substr(0, rest.find("<|im_end|>"));
    std::size_t end = message.find(quote);
    while (end != std::string_view::npos && end > 0 && message[end - 1] == '\\')
      end = message.find(quote, end + 1);
    if (message.size() < rest.size() && end == std::string_view::npos) return unescape(message);
  }
  return {};
}

ChatTemplate detect_chat_ml(std::string_view jinja) {
  ChatTemplate chat;
  if (contains(jinja, "Reasoning Mode")) {
    chat.has_reasoning_modes = true;
  } else if (contains(jinja, "last_query_index")) {
    make_qwen3(chat);
  } else {
    chat.default_system = literal_system_message(jinja);
    chat.strips_past_thinking = contains(jinja, "split('</think>')");
    if (contains(jinja, "<|im_start|>assistant\\n<think>")) {
      open_with_thinking(chat);
      if (contains(jinja, "not enable_thinking")) chat.opening_not_thinking += "</think>";
    }
  }
  return chat;
}

ChatTemplate detect_deepseek(std::string_view jinja, const Definition& definition) {
  ChatTemplate chat;
  chat.kind = ChatKind::DeepSeek;
  chat.bos = bos_text(definition);
  chat.eos = eos_text(definition);
  chat.strips_past_thinking = contains(jinja, "split('</think>')");
  chat.ends_user_turns =
      contains(jinja, "'<｜User｜>' + message['content'] + '<｜end▁of▁sentence｜>'");
  chat.joins_system_messages = contains(jinja, "is_first_sp");
  if (contains(jinja, "<｜Assistant｜><think>")) open_with_thinking(chat);
  return chat;
}

}  // namespace

ChatTemplate detect_chat_template(const Definition& definition) {
  const std::string& jinja = definition.chat_template;
  if (contains(jinja, "<｜Assistant｜>")) return detect_deepseek(jinja, definition);
  if (contains(jinja, "<|im_start|>")) return detect_chat_ml(jinja);
  if (contains(jinja, "<|start_header_id|>")) {
    ChatTemplate chat;
    chat.kind = ChatKind::Llama3;
    chat.bos = bos_text(definition);
    chat.has_date_header = contains(jinja, "Cutting Knowledge Date");
    return chat;
  }
  throw base::InputError(
      fmt::format("chat template: expected ChatML, Llama 3 or DeepSeek, found {}; name one of {}",
                  jinja.empty() ? "none" : "another form", kNames));
}

ChatTemplate make_chat_template(const std::string& name, const Definition& definition) {
  if (name == "auto") return detect_chat_template(definition);
  ChatTemplate chat;
  if (name == "chatml") return chat;
  if (name == "qwen2.5" || name == "smollm2") {
    chat.default_system = name == "qwen2.5" ? kQwen25System : kSmolLm2System;
  } else if (name == "smollm3") {
    chat.has_reasoning_modes = true;
  } else if (name == "qwen3") {
    make_qwen3(chat);
  } else if (name == "llama3" || name == "llama3.1") {
    chat.kind = ChatKind::Llama3;
    chat.bos = bos_text(definition);
    chat.has_date_header = name == "llama3.1";
  } else if (name == "deepseek-v3" || name == "deepseek-r1") {
    chat.kind = ChatKind::DeepSeek;
    chat.bos = bos_text(definition);
    chat.eos = eos_text(definition);
    chat.joins_system_messages = name == "deepseek-v3";
    chat.strips_past_thinking = name == "deepseek-r1";
    if (name == "deepseek-r1") open_with_thinking(chat);
  } else if (name == "guide" || name == "r1-zero") {
    chat.kind = name == "guide" ? ChatKind::Guide : ChatKind::R1Zero;
    chat.bos = definition.adds_bos ? bos_text(definition) : std::string();
    chat.eos = eos_text(definition);
  } else {
    throw base::InputError(
        fmt::format("chat template: expected one of {}, found {}", kNames, name));
  }
  return chat;
}

}  // namespace r1::tokenizer
