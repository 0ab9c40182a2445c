#include "data/render.h"

#include <algorithm>

#include "base/errors.h"
#include "data/json_text.h"
#include "data/text.h"

namespace r1::data {
namespace {

std::string replaced(std::string text, std::string_view name, std::string_view value) {
  const std::size_t at = text.find(name);
  return at == std::string::npos ? text : text.replace(at, name.size(), value);
}

/// Where the tag begins that `text` ends with; npos when it ends with none of the names.
std::size_t last_tag(std::string_view text, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    for (const char* begin : {"<", "</"})
      if (const std::string tag = begin + name + ">"; text.ends_with(tag))
        return text.size() - tag.size();
  return std::string_view::npos;
}

std::string_view without_trailing_space(std::string_view text) {
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

/// The template of [data] prompt_template.
std::optional<tokenizer::ChatTemplate> make_template(const std::string& name,
                                                     const tokenizer::Definition& definition,
                                                     const std::tm& now) {
  if (name == "chat" && !has_default_chat_template(definition)) return std::nullopt;
  const std::string source = name == "chat" ? "auto" : name == "r1_zero" ? "r1-zero" : name;
  return tokenizer::ChatTemplate(choose_chat_template(source, definition), definition, now);
}

}  // namespace

std::string opening_of(std::string_view prompt, const RenderTags& tags) {
  std::vector<std::string> names{"think"};
  for (const std::string& name : {tags.think, tags.answer})
    if (!name.empty()) names.push_back(name);
  std::size_t begin = prompt.size();
  for (std::string_view rest = without_trailing_space(prompt);;) {
    const std::size_t tag = last_tag(rest, names);
    if (tag == std::string_view::npos) break;
    if (rest[tag + 1] != '/') begin = tag;
    rest = without_trailing_space(rest.substr(0, tag));
  }
  return std::string(prompt.substr(begin));
}

nlohmann::ordered_json read_template_variables(const std::vector<std::string>& entries) {
  auto variables = nlohmann::ordered_json::object();
  for (const std::string& entry : entries) {
    const std::size_t sign = entry.find('=');
    const std::string name = trim(entry.substr(0, sign));
    const bool is_name =
        !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
          return std::isalnum(c) != 0 || c == '_';
        });
    try {
      if (!is_name || sign == std::string::npos) throw base::InputError("no name");
      variables[name] = parse_json<nlohmann::ordered_json>(entry.substr(sign + 1));
    } catch (const base::InputError&) {
      throw base::InputError(fmt::format(
          "expected a name, '=' and a JSON value, as in enable_thinking=false, found '{}'", entry));
    }
  }
  return variables;
}

PromptRenderer::PromptRenderer(const DataOptions& options, RenderTags tags,
                               std::shared_ptr<const tokenizer::Tokenizer> tokenizer,
                               const std::tm& now)
    : options_(options),
      tags_(std::move(tags)),
      tokenizer_(std::move(tokenizer)),
      variables_(read_template_variables(options.template_variables)),
      template_(make_template(options.prompt_template, tokenizer_->definition(), now)) {
  if (options_.prompt_template != "r1_zero") return;
  variables_["think_tag"] = tags_.think;
  if (!tags_.answer.empty()) variables_["answer_tag"] = tags_.answer;
}

std::string PromptRenderer::user_text(const std::string& problem) const {
  return replaced(options_.instruction, "{problem}", problem);
}

jinja::Rendering PromptRenderer::render(tokenizer::Conversation conversation,
                                        bool add_generation_prompt) const {
  if (!template_)
    throw base::ConfigError(fmt::format(
        "data.prompt_template: \"chat\" needs a chat template and the model has none of its own; "
        "set prompt_template to r1_zero, guide or plain, or name a template in "
        "model.chat_template ({}, or a .jinja file)",
        tokenizer::chat_template_names()));
  for (const auto& [name, value] : variables_.items())
    if (!conversation.variables.contains(name)) conversation.variables[name] = value;
  return template_->render(conversation, add_generation_prompt);
}

PromptText PromptRenderer::conversation(const tokenizer::Conversation& conversation) const {
  PromptText prompt = rendered(render(conversation, true).text);
  const std::string& forced = tags_.forced_opening;
  if (trim(forced) == trim(prompt.opening)) return prompt;  // it is there already
  prompt.text += forced;
  prompt.opening += forced;
  return prompt;
}

PromptText PromptRenderer::rendered(std::string text) const {
  auto opening = opening_of(text, tags_);
  return {std::move(text), std::move(opening), options_.prompt_template == "chat"};
}

PromptText PromptRenderer::as_given(const std::string& text) const {
  return {text, opening_of(text, tags_), false};
}

PromptText PromptRenderer::text(const Problem& problem) const {
  nlohmann::ordered_json turns = nlohmann::ordered_json::array();
  if (!problem.turns.empty()) turns = parse_json<nlohmann::ordered_json>(problem.turns);
  tokenizer::Conversation conversation;
  std::size_t first = 0;
  if (!turns.empty() && turns[0]["role"] == "system")
    conversation.messages.push_back(turns[first++]);
  else if (!options_.system_prompt.empty())
    conversation.add("system", options_.system_prompt);
  for (const FewShotOptions& turn : options_.few_shot) {
    conversation.add("user", turn.user);
    conversation.add("assistant", turn.assistant);
  }
  for (std::size_t i = first; i < turns.size(); ++i) conversation.messages.push_back(turns[i]);
  if (turns.empty()) conversation.add("user", "");
  // The last thing that the user says is the problem.
  for (std::size_t i = conversation.messages.size(); i-- > 0;) {
    auto& turn = conversation.messages[i];
    if (turn["role"] != "user") continue;
    if (turn["content"].is_string()) turn["content"] = user_text(problem.problem);
    break;
  }
  return this->conversation(conversation);
}

std::vector<TokenId> PromptRenderer::prompt_ids(const PromptText& prompt) const {
  auto ids = tokenizer_->encode(prompt.text);
  const auto bos = tokenizer_->bos();
  const bool adds = tokenizer_->definition().adds_bos && bos && !prompt.is_chat;
  if (adds && (ids.empty() || ids.front() != *bos)) ids.insert(ids.begin(), *bos);
  return ids;
}

TokenId PromptRenderer::end_token() const {
  const auto& ends = tokenizer_->eos_token_ids();
  if (!ends.empty()) return ends.front();
  const auto& names = tokenizer_->definition().special_tokens;
  const auto name = names.find("eos_token");
  throw base::ConfigError(fmt::format(
      "model.tokenizer: no end token, which closes each sample that is learnt: {}",
      name == names.end()
          ? "expected eos_token in tokenizer_config.json or eos_token_id in "
            "generation_config.json or config.json"
          : fmt::format("eos_token is '{}', which the vocabulary lacks", name->second)));
}

bool PromptRenderer::is_end_token(TokenId id) const {
  const auto& ends = tokenizer_->eos_token_ids();
  return std::find(ends.begin(), ends.end(), id) != ends.end();
}

std::size_t PromptRenderer::end_of_turn(std::string_view text, std::size_t from) const {
  std::size_t first = std::string_view::npos;
  for (const TokenId id : tokenizer_->eos_token_ids()) {
    const std::string_view end = tokenizer_->token_bytes(id);
    const std::size_t at = end.empty() ? std::string_view::npos : text.find(end, from);
    if (at != std::string_view::npos) first = std::min(first, at + end.size());
  }
  return first;
}

Prompt PromptRenderer::prompt(const Problem& problem, std::int64_t index) const {
  const PromptText rendered = text(problem);
  Prompt out;
  out.index = index;
  out.text = rendered.text;
  out.opening = rendered.opening;
  out.token_ids = prompt_ids(rendered);
  out.problem = problem.problem;
  out.answer = problem.answer;
  out.domain = problem.domain;
  out.record = problem.record;
  return out;
}

}  // namespace r1::data
