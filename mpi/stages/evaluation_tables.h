#pragma once
// Tables from the details of an evaluation: benchmarks of several suites, students against
// teachers, refusals, and instructions.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "config/data_stage_options.h"

namespace r1::mpi {

/// Returns `details` (model -> suite -> scores) with an additional entry per benchmark: the mean of
/// the scores and bounds of its suites, weighted by questions. Models that name a teacher get
/// "teacher" and "of_teacher" (score / teacher's score) in each benchmark's entry.
nlohmann::ordered_json with_benchmarks(const nlohmann::ordered_json& details,
                                       const std::vector<config::EvaluatedModelOptions>& models);

/// The suites of benchmarks that go by another name: model, benchmark, suite, score with interval
/// (the guide's table has a row of GSM8K, which is a suite of math_benchmark); empty without such
/// suites.
std::string suite_table(const nlohmann::ordered_json& details);

/// Lines "student / teacher  benchmark  0.61 / 0.70 = 87 %"; empty without students.
std::string teacher_table(const nlohmann::ordered_json& details);

/// Refusals in safety suites: model, suite, requests, refused, complied, neither; empty without
/// such suites.
std::string refusal_table(const nlohmann::ordered_json& details);

/// IFEval's four measures of suites of verifiable instructions; empty without such suites.
std::string instruction_table(const nlohmann::ordered_json& details);

}  // namespace r1::mpi
