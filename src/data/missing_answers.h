#pragma once
// Says of which problems no gold answer was found, so that a run on them does not score nothing in
// silence.
#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace r1::data {

struct MissingAnswers {
  std::int64_t number = 0;  // of problems without an answer
  std::string message;      // with the first one's place and its record's fields; empty: none
};

MissingAnswers find_missing_answers(const std::vector<Problem>& problems,
                                    const DataOptions& options);
/// The names of a record's fields, as JSON text, comma separated: "problem, ground_truth".
std::string field_names(const std::string& record);

}  // namespace r1::data
