#include "data/preference.h"

#include <algorithm>

#include "base/errors.h"
#include "data/dataset.h"
#include "data/fields.h"
#include "data/sft.h"
#include "data/text.h"

namespace r1::data {
namespace {

nlohmann::json turn(const char* role, const std::string& content) {
  return {{"role", role}, {"content", content}};
}

/// The turns of "\n\nHuman: ...\n\nAssistant: ...". Throws: InputError.
nlohmann::json transcript_turns(const std::string& text) {
  const std::string human = "\n\nHuman:", assistant = "\n\nAssistant:";
  auto turns = nlohmann::json::array();
  std::size_t at = text.find_first_not_of(" \t\r\n");
  // The blank lines in front of the first speaker may be missing.
  std::string rest = at == std::string::npos ? "" : "\n\n" + text.substr(at);
  while (!rest.empty()) {
    const bool asks = rest.starts_with(human);
    if (!asks && !rest.starts_with(assistant))
      throw base::InputError(
          "expected a problem or turns beside chosen and rejected, or texts that begin with "
          "\"\\n\\nHuman:\"");
    const std::size_t begin = asks ? human.size() : assistant.size();
    const std::size_t end = std::min(rest.find(human, begin), rest.find(assistant, begin));
    turns.push_back(
        turn(asks ? "user" : "assistant", trim(std::string_view(rest).substr(begin, end - begin))));
    rest = end == std::string::npos ? "" : rest.substr(end);
  }
  return turns;
}

/// The fields of a record that may hold its prompt, without the answers.
nlohmann::json without_answers(const nlohmann::json& record, const DataOptions& options) {
  auto rest = record;
  for (const char* name : {"chosen", "rejected", "completion"}) rest.erase(name);
  for (const std::string& name : options.answer_fields) rest.erase(name);
  return rest;
}

bool has_question(const nlohmann::json& record, const DataOptions& options) {
  return std::any_of(options.problem_fields.begin(), options.problem_fields.end(),
                     [&](const std::string& name) { return find_field(record, name) != nullptr; });
}

/// The turns of the record's prompt: its conversation, or its problem as the user's turn.
nlohmann::json prompt_turns(const nlohmann::json& record, const DataOptions& options,
                            const std::string& where) {
  const Problem problem = make_problem(record, options, where);
  if (!problem.turns.empty()) return nlohmann::json::parse(problem.turns);
  return nlohmann::json::array({turn("user", problem.problem)});
}

PreferenceAnswer answer_of_turns(nlohmann::json turns) {
  if (turns.size() < 2 || turns.back()["role"] != "assistant")
    throw base::InputError("expected a prompt and an answer of the assistant at the end");
  return {{{"messages", turns}}, turns};
}

PreferenceAnswer read_answer(const nlohmann::json& record, const char* name,
                             const DataOptions& options, const std::string& where) {
  const auto* field = find_field(record, name);
  if (field == nullptr) throw base::InputError("expected the fields chosen and rejected");
  const auto rest = without_answers(record, options);
  const bool asks = has_question(rest, options);
  if (is_conversation(*field)) {
    auto turns = read_turns(*field);
    if (turns.front()["role"] != "assistant") return answer_of_turns(std::move(turns));
    if (!asks) throw base::InputError("expected a prompt before the assistant's turn");
    auto whole = prompt_turns(rest, options, where);
    for (auto& answer : turns) whole.push_back(std::move(answer));
    return answer_of_turns(std::move(whole));
  }
  if (!field->is_string())
    throw base::InputError(
        fmt::format("expected text or a list of turns, found {}", field->type_name()));
  const auto text = field->get<std::string>();
  if (!asks) return answer_of_turns(transcript_turns(text));
  auto turns = prompt_turns(rest, options, where);
  const bool is_problem = make_problem(rest, options, where).turns.empty();
  turns.push_back(turn("assistant", text));
  if (!is_problem) return answer_of_turns(std::move(turns));
  auto supervised = rest;
  supervised[options.answer_fields.front()] = text;
  return {std::move(supervised), std::move(turns)};
}

}  // namespace

Preference read_preference(const nlohmann::json& record, const DataOptions& options,
                           const std::string& where) {
  const auto read = [&](const char* name) {
    try {
      return read_answer(record, name, options, where);
    } catch (const base::InputError& error) {
      throw base::InputError(fmt::format("{}: field '{}': {}", where, name, error.what()));
    }
  };
  return {read("chosen"), read("rejected")};
}

std::vector<TrainingSample> preference_samples(const Preference& preference,
                                               const PromptRenderer& renderer,
                                               const DataOptions& options,
                                               const std::string& where) {
  std::vector<TrainingSample> samples;
  for (const auto* answer : {&preference.chosen, &preference.rejected})
    samples.push_back(sft_sample(sft_text(answer->record, renderer, options, where), renderer,
                                 LossOn::Completion));
  if (samples[0].prompt_ids != samples[1].prompt_ids)
    throw base::InputError(fmt::format("{}: chosen and rejected answer different prompts", where));
  return samples;
}

std::vector<TrainingSample> judged_samples(std::span<const std::vector<TokenId>> sequences) {
  auto shared = sequences.front().begin();
  for (const auto& sequence : sequences) {
    const auto same =
        std::mismatch(sequences.front().begin(), shared, sequence.begin(), sequence.end());
    shared = same.first;
  }
  const auto length = std::distance(sequences.front().begin(), shared);
  std::vector<TrainingSample> samples;
  for (const auto& sequence : sequences) {
    TrainingSample sample;
    sample.prompt_ids.assign(sequence.begin(), sequence.begin() + length);
    sample.completion_ids.assign(sequence.begin() + length, sequence.end());
    sample.completion_ids.push_back(0);  // predicted by the last token
    sample.learnt.assign(sample.completion_ids.size(), 0);
    sample.learnt.back() = 1;
    samples.push_back(std::move(sample));
  }
  return samples;
}

}  // namespace r1::data
