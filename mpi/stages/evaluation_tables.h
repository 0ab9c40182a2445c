#pragma once
// What the details of an evaluation say about benchmarks of several suites, students and teachers,
// and refusals.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "config/data_stage_options.h"

namespace r1::mpi {

/// `details` (model -> suite -> scores) with an entry for each benchmark: the mean of its suites'
/// scores and bounds, weighted by questions. Models that name a teacher get "teacher" and
/// "of_teacher" (score / the teacher's score) in each benchmark's entry.
nlohmann::ordered_json with_benchmarks(const nlohmann::ordered_json& details,
                                       const std::vector<config::EvaluatedModelOptions>& models);

/// Lines "student / teacher  benchmark  0.61 / 0.70 = 87 %"; empty without students.
std::string teacher_table(const nlohmann::ordered_json& details);

/// Refusals of safety suites: model, suite, requests, refused, complied, neither; empty without
/// such suites.
std::string refusal_table(const nlohmann::ordered_json& details);

}  // namespace r1::mpi
