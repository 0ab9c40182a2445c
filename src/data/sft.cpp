#include "data/sft.h"

#include <algorithm>

#include "base/errors.h"
#include "data/fields.h"
#include "data/json_text.h"
#include "data/text.h"

namespace r1::data {
namespace {

std::string text_field(const nlohmann::json& record, const char* name, const std::string& where) {
  const auto found = record.find(name);
  if (found == record.end() || !found->is_string())
    throw base::InputError(fmt::format("{}: field '{}': expected text, found {}", where, name,
                                       found == record.end() ? "nothing" : found->type_name()));
  return found->get<std::string>();
}

/// An optional field for the template; a text holds its JSON.
nlohmann::ordered_json template_field(const nlohmann::json& record, const char* name) {
  const auto found = record.find(name);
  if (found == record.end()) return nullptr;
  return found->is_string() ? parse_json<nlohmann::ordered_json>(found->get<std::string>())
                            : nlohmann::ordered_json(*found);
}

/// A record whose field `name` holds these turns, the last of which is learnt.
SftText from_turns(const nlohmann::json& record, const std::string& name,
                   const nlohmann::json& turns, const PromptRenderer& renderer,
                   const DataOptions& options, const std::string& where, LossOn loss_on) {
  tokenizer::Conversation conversation;
  if (turns[0]["role"] != "system" && !options.system_prompt.empty())
    conversation.add("system", options.system_prompt);
  for (const auto& turn : turns) conversation.messages.push_back(nlohmann::ordered_json(turn));
  if (turns.back()["role"] != "assistant")
    throw base::InputError(
        fmt::format("{}: field '{}': the last turn is {}'s, expected assistant's", where, name,
                    turns.back()["role"].get<std::string>()));
  const std::string completion = text_field(turns.back(), "content", where);
  conversation.tools = template_field(record, "tools");
  conversation.documents = template_field(record, "documents");
  if (const auto variables = template_field(record, "chat_template_kwargs"); variables.is_object())
    conversation.variables = variables;
  if (loss_on == LossOn::Assistant) return find_answers(conversation, renderer);
  conversation.messages.erase(conversation.messages.size() - 1);
  return {renderer.conversation(conversation), completion, {}};
}

/// Of two openings, the prompt's and the record's, one is left out: the record's, or that of a
/// prompt whose thinking is closed already where the record thinks.
SftText with_one_opening(SftText text) {
  const std::string opened = trim(text.prompt.opening);
  const std::string answer = text.completion.substr(
      std::min(text.completion.find_first_not_of(" \t\r\n"), text.completion.size()));
  if (opened.empty()) return text;
  if (text.completion.starts_with(text.prompt.opening)) {
    text.completion.erase(0, text.prompt.opening.size());
  } else if (answer.starts_with(opened)) {
    const bool has_space = !text.prompt.opening.ends_with(opened);
    const std::size_t begin =
        has_space ? answer.find_first_not_of(" \t\r\n", opened.size()) : opened.size();
    text.completion = answer.substr(std::min(begin, answer.size()));
  } else if (answer.starts_with(opened.substr(0, opened.find('>') + 1))) {
    text.prompt.text.resize(text.prompt.text.size() - text.prompt.opening.size());
    text.prompt.opening.clear();
  }
  return text;
}

/// What is learnt of {instruction, output}, {problem, solution, answer} and their kin.
std::string completion_of(const nlohmann::json& record, const DataOptions& options) {
  const auto& names = options.answer_fields;
  for (const char* worked : {"output", "solution"})
    if (std::find(names.begin(), names.end(), worked) != names.end())
      if (std::string text = first_field(record, {worked}); !text.empty()) return text;
  return first_field(record, names);
}

/// The field that holds a conversation: messages, or the first of [data] problem_fields; "": none.
std::string conversation_field(const nlohmann::json& record, const DataOptions& options,
                               const std::string& where) {
  if (const auto* messages = find_field(record, "messages")) {
    if (!is_conversation(*messages))
      throw base::InputError(fmt::format(
          "{}: field 'messages': expected a list of turns {{\"role\": ..., \"content\": ...}}",
          where));
    return "messages";
  }
  for (const std::string& name : options.problem_fields)
    if (const auto* field = find_field(record, name); field != nullptr && is_conversation(*field))
      return name;
  return {};
}

/// The turns of that field and, where they end with the user's, the answer of the record: a list of
/// turns "completion", or text.
nlohmann::json all_turns(const nlohmann::json& record, const std::string& name,
                         const DataOptions& options, const std::string& where) {
  try {
    auto turns = read_turns(*find_field(record, name));
    if (turns.back()["role"] == "assistant") return turns;
    const auto* completion = find_field(record, "completion");
    if (completion != nullptr && is_conversation(*completion)) {
      for (auto& turn : read_turns(*completion)) turns.push_back(std::move(turn));
    } else if (std::string text =
                   completion != nullptr ? json_text(*completion) : completion_of(record, options);
               !text.empty()) {
      turns.push_back({{"role", "assistant"}, {"content", text}});
    }
    return turns;
  } catch (const base::InputError& error) {
    throw base::InputError(fmt::format("{}: field '{}': {}", where, name, error.what()));
  }
}

SftText text_of(const nlohmann::json& record, const PromptRenderer& renderer,
                const DataOptions& options, const std::string& where, LossOn loss_on) {
  if (const std::string name = conversation_field(record, options, where); !name.empty())
    return from_turns(record, name, all_turns(record, name, options, where), renderer, options,
                      where, loss_on);
  if (record.contains("prompt") && record.contains("completion"))
    return {renderer.as_given(text_field(record, "prompt", where)),
            text_field(record, "completion", where),
            {}};
  const Problem problem = make_problem(record, options, where);
  const std::string completion = completion_of(record, options);
  if (completion.empty())
    throw base::InputError(fmt::format("{}: no completion: expected one of the fields {}", where,
                                       fmt::join(options.answer_fields, ", ")));
  if (options.prompt_template != "guide" || !record.contains("instruction"))
    return {renderer.text(problem), completion, {}};
  tokenizer::Conversation conversation;
  conversation.add("user", text_field(record, "instruction", where));
  conversation.messages[0]["input"] =
      record.contains("input") ? text_field(record, "input", where) : "";
  return {renderer.conversation(conversation), completion, {}};
}

}  // namespace

LossOn loss_on_of(const std::string& name) {
  return name == "all" ? LossOn::All : name == "assistant" ? LossOn::Assistant : LossOn::Completion;
}

SftText sft_text(const nlohmann::json& record, const PromptRenderer& renderer,
                 const DataOptions& options, const std::string& where, LossOn loss_on) {
  return with_one_opening(text_of(record, renderer, options, where, loss_on));
}

namespace {

/// Closed by the end token: the text's own, white space behind it left out, or one more.
std::vector<TokenId> closed(const std::string& completion, const PromptRenderer& renderer) {
  const TokenId end_token = renderer.end_token();
  const std::size_t length = completion.find_last_not_of(" \t\r\n") + 1;
  auto ids = renderer.completion_ids(completion.substr(0, length));
  if (!ids.empty() && renderer.is_end_token(ids.back())) return ids;
  if (length < completion.size()) ids = renderer.completion_ids(completion);
  ids.push_back(end_token);
  return ids;
}

/// Answers are learnt, the text between them is not.
void append(TrainingSample& sample, const std::vector<TokenId>& ids, bool learnt) {
  sample.completion_ids.insert(sample.completion_ids.end(), ids.begin(), ids.end());
  sample.learnt.resize(sample.completion_ids.size(), learnt ? 1 : 0);
}

}  // namespace

TrainingSample sft_sample(const SftText& text, const PromptRenderer& renderer, LossOn loss_on) {
  TrainingSample sample;
  PromptText prompt = text.prompt;
  if (!text.answers.empty()) prompt.text.resize(text.answers.front().first);
  sample.prompt_ids = renderer.prompt_ids(prompt);
  for (std::size_t i = 0; i < text.answers.size(); ++i) {
    const auto [begin, end] = text.answers[i];
    const std::size_t next =
        i + 1 < text.answers.size() ? text.answers[i + 1].first : text.prompt.text.size();
    append(sample, renderer.completion_ids(text.prompt.text.substr(begin, end - begin)), true);
    append(sample, renderer.completion_ids(text.prompt.text.substr(end, next - end)), false);
  }
  const auto completion = closed(text.completion, renderer);
  if (text.answers.empty())
    sample.completion_ids = completion;
  else
    append(sample, completion, true);
  if (loss_on == LossOn::All) {
    sample.completion_ids.insert(sample.completion_ids.begin(), sample.prompt_ids.begin(),
                                 sample.prompt_ids.end());
    sample.prompt_ids.clear();
  }
  return sample;
}

}  // namespace r1::data
