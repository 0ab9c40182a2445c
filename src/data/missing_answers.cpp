#include "data/missing_answers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "data/json_text.h"

namespace r1::data {

std::string field_names(const std::string& record) {
  const auto object = parse_json_or_discard(record);
  std::string names;
  if (!object.is_object()) return names;
  for (const auto& [name, value] : object.items()) names += (names.empty() ? "" : ", ") + name;
  return names;
}

MissingAnswers find_missing_answers(const std::vector<Problem>& problems,
                                    const DataOptions& options) {
  const auto lacks = [](const Problem& problem) { return problem.answer.empty(); };
  MissingAnswers out;
  out.number = std::count_if(problems.begin(), problems.end(), lacks);
  if (out.number == 0) return out;
  const Problem& first = *std::find_if(problems.begin(), problems.end(), lacks);
  out.message = fmt::format(
      "{} of {} problems have no gold answer: expected one of the fields {} (data.answer_fields); "
      "the first, {}, has the fields {}",
      out.number, problems.size(), fmt::join(options.answer_fields, ", "), first.where,
      field_names(first.record));
  return out;
}

}  // namespace r1::data
