#pragma once
// Renders conversations to a model's input text by a Jinja chat template, as transformers does.
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "jinja/template.h"
#include "tokenizer/definition.h"

namespace r1::tokenizer {

/// The variables of a template, without the special tokens.
struct Conversation {
  /// Objects with "role" and "content", and optional keys that the template reads ("tool_calls",
  /// "reasoning_content").
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  nlohmann::ordered_json tools;      // a list of JSON schemas; null: none
  nlohmann::ordered_json documents;  // a list of objects; null: none
  /// Further variables by name ("enable_thinking"), which replace special tokens of equal name.
  nlohmann::ordered_json variables = nlohmann::ordered_json::object();

  void add(const std::string& role, const std::string& content);
};

/// A chat template together with the special tokens of its tokenizer. Immutable, thread-safe.
/// Reference: transformers 5.24, apply_chat_template.
class ChatTemplate {
 public:
  /// `definition` provides the special tokens. If `source` is the default template of `definition`,
  /// conversations with tools use the template "tool_use" of `definition`, if it exists. `now`: the
  /// time of strftime_now, one time per run, so that prompts are reproducible. Throws: InputError
  /// naming file, line and construct.
  ChatTemplate(const NamedTemplate& source, const Definition& definition, const std::tm& now);

  /// With `add_generation_prompt` the text ends where the model's answer begins. Throws: InputError
  /// naming file, line and construct, or the message of raise_exception.
  jinja::Rendering render(const Conversation& conversation, bool add_generation_prompt) const;

 private:
  std::shared_ptr<const jinja::Template> template_;
  std::shared_ptr<const jinja::Template> with_tools_;  // null: template_ serves both
  nlohmann::ordered_json special_tokens_;
  std::tm now_;
};

/// The template that `name` selects: "auto" is the model's own template; other names are a template
/// of the model ("tool_use"), one of chat_template_names(), or a file that ends in .jinja. Throws:
/// InputError naming the available templates, also if "auto" finds no template.
NamedTemplate choose_chat_template(const std::string& name, const Definition& definition);
/// Whether the model has a default chat template.
bool has_default_chat_template(const Definition& definition);
/// The built-in templates, separated by commas: "chatml", "qwen2.5", ...
std::string chat_template_names();

}  // namespace r1::tokenizer
