#include "tokenizer/chat_template.h"

#include <algorithm>
#include <array>

#include "base/errors.h"
#include "base/files.h"
#include "tokenizer/chat_template_files.h"

namespace r1::tokenizer {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kReasoningFields = {"reasoning_content", "thinking", "reasoning"};

/// Templates read an answer's thinking under the one or the other name: transformers gives both.
Json with_reasoning(const Json& messages) {
  Json out = messages;
  for (Json& message : out) {
    if (!message.is_object()) continue;
    const auto* const field = std::find_if(
        kReasoningFields.begin(), kReasoningFields.end(),
        [&](const char* name) { return message.contains(name) && !message[name].is_null(); });
    if (field == kReasoningFields.end()) continue;
    const Json reasoning = message[*field];
    if (!message.contains("thinking")) message["thinking"] = reasoning;
    message["reasoning_content"] = reasoning;
  }
  return out;
}

const NamedTemplate* find_own(const std::string& name, const Definition& definition) {
  for (const NamedTemplate& own : definition.chat_templates)
    if (own.name == name) return &own;
  return nullptr;
}

std::string names_of(const Definition& definition) {
  std::string names;
  for (const NamedTemplate& own : definition.chat_templates)
    names += (names.empty() ? "" : ", ") + own.name;
  return names;
}

}  // namespace

void Conversation::add(const std::string& role, const std::string& content) {
  messages.push_back({{"role", role}, {"content", content}});
}

ChatTemplate::ChatTemplate(const NamedTemplate& source, const Definition& definition,
                           const std::tm& now)
    : template_(std::make_shared<const jinja::Template>(source.text, source.origin)),
      special_tokens_(Json::object()),
      now_(now) {
  for (const auto& [name, text] : definition.special_tokens) special_tokens_[name] = text;
  const NamedTemplate* own = find_own("default", definition);
  const NamedTemplate* tool_use = find_own("tool_use", definition);
  if (own != nullptr && *own == source && tool_use != nullptr)
    with_tools_ = std::make_shared<const jinja::Template>(tool_use->text, tool_use->origin);
}

jinja::Rendering ChatTemplate::render(const Conversation& conversation,
                                      bool add_generation_prompt) const {
  Json variables = special_tokens_;
  variables["messages"] = with_reasoning(conversation.messages);
  variables["tools"] = conversation.tools;
  variables["documents"] = conversation.documents;
  variables["add_generation_prompt"] = add_generation_prompt;
  for (const auto& [name, value] : conversation.variables.items()) variables[name] = value;
  const bool has_tools = !conversation.tools.is_null();
  return (has_tools && with_tools_ ? with_tools_ : template_)->render(variables, now_);
}

bool has_default_chat_template(const Definition& definition) {
  return find_own("default", definition) != nullptr;
}

NamedTemplate choose_chat_template(const std::string& name, const Definition& definition) {
  if (const NamedTemplate* own = find_own(name == "auto" ? "default" : name, definition))
    return *own;
  for (const auto& [known, text] : kChatTemplateFiles)
    if (name == known) return {name, text, "chat template " + name};
  if (name.ends_with(".jinja")) return {"default", base::read_file(name), name};
  const std::string own = names_of(definition);
  if (name == "auto")
    throw base::InputError(fmt::format(
        "the model has {}",
        own.empty() ? "no chat template" : "no default chat template, only those named " + own));
  throw base::InputError(fmt::format(
      "chat template: expected auto, a .jinja file{}{} or one of {}, found {}",
      own.empty() ? "" : ", one of the model's own: ", own, chat_template_names(), name));
}

std::string chat_template_names() {
  std::string names;
  for (const auto& [name, text] : kChatTemplateFiles)
    names += (names.empty() ? "" : ", ") + std::string(name);
  return names;
}

}  // namespace r1::tokenizer
