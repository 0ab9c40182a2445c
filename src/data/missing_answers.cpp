#include "data/missing_answers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "data/fields.h"
#include "data/json_text.h"
#include "data/text.h"

namespace r1::data {

namespace {

/// The field whose last name is the first of `known` that the record has; "" for none.
std::string field_named(const nlohmann::json& record, std::initializer_list<const char*> known) {
  const auto names = field_names(record);
  for (const char* wanted : known)
    for (const std::string& name : names) {
      const std::string last = lower_ascii(name.substr(name.rfind('.') + 1));
      if (last == wanted) return name;
    }
  return {};
}

std::string suggestion(const char* key, const std::string& field) {
  return field.empty() ? "" : fmt::format(": set {} = [\"{}\"]", key, field);
}

}  // namespace

std::string list_fields(const std::string& record) {
  return fmt::format("{}", fmt::join(field_names(parse_json_or_discard(record)), ", "));
}

std::string likely_problem_field(const nlohmann::json& record) {
  return field_named(record, {"problem", "question", "query", "prompt", "instruction", "input",
                              "problem_statement", "task", "text", "user", "context", "body"});
}

std::string likely_answer_field(const nlohmann::json& record) {
  return field_named(
      record, {"ground_truth", "groundtruth", "gold", "gold_answer", "final_answer",
               "expected_answer", "correct_answer", "reference_answer", "target", "label",
               "answers", "answer", "solution", "expected", "reference", "response", "completion"});
}

std::string suggest_problem_field(const nlohmann::json& record) {
  return suggestion("data.problem_fields", likely_problem_field(record));
}

MissingAnswers find_missing_answers(const std::vector<Problem>& problems,
                                    const DataOptions& options,
                                    const std::function<bool(const Problem&)>& needs) {
  MissingAnswers out;
  std::int64_t number = 0;
  const Problem* lacking = nullptr;
  for (const Problem& problem : problems) {
    if (needs && !needs(problem)) continue;
    ++number;
    if (!problem.answer.empty()) continue;
    ++out.number;
    if (lacking == nullptr) lacking = &problem;
  }
  if (lacking == nullptr) return out;
  const Problem& first = *lacking;
  out.message = fmt::format(
      "{} of {} problems have no gold answer: expected one of the fields {} (data.answer_fields); "
      "the first, {}, has the fields {}{}",
      out.number, number, fmt::join(options.answer_fields, ", "), first.where,
      list_fields(first.record),
      suggestion("data.answer_fields", likely_answer_field(parse_json_or_discard(first.record))));
  return out;
}

}  // namespace r1::data
