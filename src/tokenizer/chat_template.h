#pragma once
// Renders conversations as text for a model, by a chat template in Jinja as transformers does it.
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "jinja/template.h"
#include "tokenizer/definition.h"

namespace r1::tokenizer {

/// What a template is given besides the special tokens.
struct Conversation {
  /// Objects with "role" and "content", and whatever else the template reads ("tool_calls",
  /// "reasoning_content").
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  nlohmann::ordered_json tools;      // a list of JSON schemas; null: none
  nlohmann::ordered_json documents;  // a list of objects; null: none
  /// Further variables by name ("enable_thinking"); they replace special tokens of the same name.
  nlohmann::ordered_json variables = nlohmann::ordered_json::object();

  void add(const std::string& role, const std::string& content);
};

/// A chat template with the special tokens of its tokenizer. Immutable, thread-safe.
/// Reference: transformers 5.24, apply_chat_template.
class ChatTemplate {
 public:
  /// `definition` gives the special tokens, and "tool_use" for conversations with tools where
  /// `source` is its default template and it has both. `now`: the time of strftime_now, one per run
  /// so that its prompts can be made again. Throws: InputError naming file, line and construct.
  ChatTemplate(const NamedTemplate& source, const Definition& definition, const std::tm& now);

  /// With `add_generation_prompt` the text ends where the model begins its answer. Throws:
  /// InputError naming file, line and construct, or the template's own refusal.
  jinja::Rendering render(const Conversation& conversation, bool add_generation_prompt) const;

 private:
  std::shared_ptr<const jinja::Template> template_;
  std::shared_ptr<const jinja::Template> with_tools_;  // null: template_ is for these too
  nlohmann::ordered_json special_tokens_;
  std::tm now_;
};

/// The template that `name` means: "auto" the model's own; else one of the model's own by its name
/// ("tool_use"), one of chat_template_names(), or a file that ends in .jinja. Throws: InputError
/// naming what there is, also where "auto" finds none.
NamedTemplate choose_chat_template(const std::string& name, const Definition& definition);
/// Whether the model has a chat template of its own to be used without a name.
bool has_default_chat_template(const Definition& definition);
/// Those that come with the program: "chatml", "qwen2.5", ...; with commas between.
std::string chat_template_names();

}  // namespace r1::tokenizer
