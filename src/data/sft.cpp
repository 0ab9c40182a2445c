#include "data/sft.h"

#include <algorithm>

#include "base/errors.h"

namespace r1::data {
namespace {

std::string text_field(const nlohmann::json& record, const char* name, const std::string& where) {
  const auto found = record.find(name);
  if (found == record.end() || !found->is_string())
    throw base::InputError(fmt::format("{}: field '{}': expected text, found {}", where, name,
                                       found == record.end() ? "nothing" : found->type_name()));
  return found->get<std::string>();
}

SftText from_messages(const nlohmann::json& list, const PromptRenderer& renderer,
                      const DataOptions& options, const std::string& where) {
  if (!list.is_array() || list.empty())
    throw base::InputError(fmt::format("{}: field 'messages': expected a list of turns", where));
  std::vector<Message> messages;
  for (const auto& turn : list) {
    if (!turn.is_object())
      throw base::InputError(fmt::format("{}: field 'messages': a turn is no object", where));
    messages.push_back({text_field(turn, "role", where), text_field(turn, "content", where)});
  }
  if (messages.back().role != "assistant")
    throw base::InputError(
        fmt::format("{}: field 'messages': the last turn is {}'s, expected assistant's", where,
                    messages.back().role));
  SftText out;
  out.completion = messages.back().content;
  messages.pop_back();
  const bool system = !messages.empty() && messages.front().role == "system";
  if (!system && !options.system_prompt.empty())
    messages.insert(messages.begin(), {"system", options.system_prompt});
  out.prompt = renderer.conversation(messages);
  return out;
}

/// What is learnt of {instruction, output}, {problem, solution, answer} and their kin.
std::string completion_of(const nlohmann::json& record, const DataOptions& options) {
  const auto& names = options.answer_fields;
  for (const char* worked : {"output", "solution"})
    if (std::find(names.begin(), names.end(), worked) != names.end())
      if (std::string text = first_field(record, {worked}); !text.empty()) return text;
  return first_field(record, names);
}

}  // namespace

SftText sft_text(const nlohmann::json& record, const PromptRenderer& renderer,
                 const DataOptions& options, const std::string& where) {
  if (record.contains("messages"))
    return from_messages(record["messages"], renderer, options, where);
  if (record.contains("prompt") && record.contains("completion"))
    return {text_field(record, "prompt", where), text_field(record, "completion", where)};
  const Problem problem = make_problem(record, options, where);
  const std::string completion = completion_of(record, options);
  if (completion.empty())
    throw base::InputError(fmt::format("{}: no completion: expected one of the fields {}", where,
                                       fmt::join(options.answer_fields, ", ")));
  if (options.prompt_template != "guide" || !record.contains("instruction"))
    return {renderer.text(problem.problem), completion};
  const std::string input = record.contains("input") ? text_field(record, "input", where) : "";
  return {guide_prompt(text_field(record, "instruction", where), input), completion};
}

TrainingSample sft_sample(const SftText& text, const Encoder& encode, TokenId end_token,
                          LossOn loss_on) {
  TrainingSample sample;
  sample.prompt_ids = encode(text.prompt);
  sample.completion_ids = encode(text.completion);
  sample.completion_ids.push_back(end_token);
  if (loss_on == LossOn::All) {
    sample.completion_ids.insert(sample.completion_ids.begin(), sample.prompt_ids.begin(),
                                 sample.prompt_ids.end());
    sample.prompt_ids.clear();
  }
  return sample;
}

}  // namespace r1::data
