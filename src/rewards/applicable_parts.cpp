#include "rewards/applicable_parts.h"

#include <algorithm>

#include "data/json_text.h"
#include "rewards/code_tests.h"

namespace r1::rewards {
namespace {

bool compares_with_answer(const std::string& part) {
  return part == "correctness" || part == "answer_in_tag" || part == "choice";
}

/// Whether the record holds what the part compares with. Puzzles of some tasks are judged by rule.
bool has_gold(const std::string& part, const RewardInput& input) {
  if (compares_with_answer(part)) return !input.answer.empty();
  if (part == "code") return has_code_tests(input.record);
  if (part != "puzzle" || !input.answer.empty() || has_code_tests(input.record)) return true;
  const auto record = data::parse_json_or_discard(input.record);
  return record.is_object() && (record.contains("metadata") || record.contains("scorer"));
}

bool has_value(const nlohmann::json& record, const std::string& field,
               const std::vector<std::string>& values) {
  const auto found = record.find(field);
  if (found == record.end()) return false;
  const std::string text = found->is_string() ? found->get<std::string>() : found->dump();
  return std::find(values.begin(), values.end(), text) != values.end();
}

}  // namespace

bool matches(const base::FieldValues& when, const std::string& text) {
  if (when.empty()) return true;
  const auto record = data::parse_json_or_discard(text);
  return record.is_object() && std::all_of(when.begin(), when.end(), [&](const auto& wanted) {
           return has_value(record, wanted.first, wanted.second);
         });
}

std::vector<std::size_t> applicable_parts(const RewardOptions& options, const RewardInput& input) {
  const auto& counted = input.counted_parts;
  std::vector<std::size_t> all, with_gold;
  for (std::size_t i = 0; i < options.parts.size(); ++i) {
    const auto& part = options.parts[i];
    const bool counts =
        counted.empty() || std::find(counted.begin(), counted.end(), part.name) != counted.end();
    if (!counts || !matches(part.when, input.record)) continue;
    all.push_back(i);
    if (has_gold(part.name, input)) with_gold.push_back(i);
  }
  const bool judged = std::any_of(with_gold.begin(), with_gold.end(),
                                  [&](auto i) { return options.parts[i].weight > 0.0; });
  return judged ? with_gold : all;
}

bool is_applicable(const RewardOptions& options, const RewardInput& input,
                   const std::string& part) {
  const auto places = applicable_parts(options, input);
  return std::any_of(places.begin(), places.end(),
                     [&](auto i) { return options.parts[i].name == part; });
}

bool needs_answer(const RewardOptions& options, const std::string& record) {
  return std::any_of(options.parts.begin(), options.parts.end(), [&](const auto& part) {
    return compares_with_answer(part.name) && matches(part.when, record);
  });
}

}  // namespace r1::rewards
