#pragma once
// Says of which problems no gold answer was found, so that a run on them does not score nothing in
// silence.
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace r1::data {

struct MissingAnswers {
  std::int64_t number = 0;  // of problems without an answer
  std::string message;      // with the first one's place and its record's fields; empty: none
};

/// Of the problems that need an answer; `needs` unset: all of them do.
MissingAnswers find_missing_answers(const std::vector<Problem>& problems,
                                    const DataOptions& options,
                                    const std::function<bool(const Problem&)>& needs = {});
/// The names of the fields of a record as JSON text, comma separated: "problem, ground_truth".
std::string list_fields(const std::string& record);
/// The field whose name is that of a question, or of a gold answer or a text to learn; "" for none.
std::string likely_problem_field(const nlohmann::json& record);
std::string likely_answer_field(const nlohmann::json& record);
/// ": set data.problem_fields = [...]" with the field whose name is that of a question; "" for
/// none.
std::string suggest_problem_field(const nlohmann::json& record);

}  // namespace r1::data
