#include "stages/evaluation_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace r1::mpi {
namespace {

using Json = nlohmann::ordered_json;

/// Sums over a benchmark's suites, each times its number of questions.
struct Sums {
  int suites = 0;
  double questions = 0.0, samples = 0.0, score = 0.0, low = 0.0, high = 0.0;
};

Json benchmark_entries(const Json& suites) {
  Json out = suites;
  std::map<std::string, Sums> sums;
  for (const auto& [suite, entry] : suites.items()) {
    const std::string benchmark = entry.at("benchmark");
    Sums& sum = sums[benchmark];
    ++sum.suites;
    if (entry.at("score").is_null()) continue;  // nothing was scored
    const double n = entry.at("num_problems");
    sum.questions += n;
    sum.samples += entry.at("num_samples").get<double>();
    sum.score += n * entry.at("score").get<double>();
    sum.low += n * entry.at("low").get<double>();
    sum.high += n * entry.at("high").get<double>();
  }
  for (const auto& [benchmark, sum] : sums) {
    if (sum.suites == 1 && suites.contains(benchmark)) continue;
    const double n = std::max(1.0, sum.questions);
    const Json score = sum.questions > 0.0 ? Json(sum.score / n) : Json(nullptr);
    out[benchmark] = {{"benchmark", benchmark},
                      {"score", score},
                      {"low", sum.low / n},
                      {"high", sum.high / n},
                      {"num_problems", static_cast<std::int64_t>(sum.questions)},
                      {"num_samples", static_cast<std::int64_t>(sum.samples)}};
  }
  return out;
}

}  // namespace

Json with_benchmarks(const Json& details,
                     const std::vector<config::EvaluatedModelOptions>& models) {
  Json out = Json::object();
  for (const auto& [model, suites] : details.items()) out[model] = benchmark_entries(suites);
  for (const auto& model : models) {
    if (model.teacher.empty() || !out.contains(model.name) || !out.contains(model.teacher))
      continue;
    const Json& teacher = out[model.teacher];
    for (auto& [name, entry] : out[model.name].items()) {
      if (entry.at("benchmark") != name || !teacher.contains(name) || entry.at("score").is_null() ||
          teacher[name].at("score").is_null())
        continue;
      const double best = teacher[name].at("score");
      entry["teacher"] = model.teacher;
      entry["teacher_score"] = best;
      if (best > 0.0) entry["of_teacher"] = entry.at("score").get<double>() / best;
    }
  }
  return out;
}

std::string suite_table(const Json& details) {
  std::string text;
  for (const auto& [model, entries] : details.items())
    for (const auto& [name, entry] : entries.items()) {
      const std::string benchmark = entry.at("benchmark");
      if (benchmark == name) continue;
      if (text.empty())
        text =
            fmt::format("\n{:<24}  {:<20}  {:<16}  {}\n", "model", "benchmark", "suite", "score");
      text += fmt::format(
          "{:<24}  {:<20}  {:<16}  {}\n", model, benchmark, name,
          entry.at("score").is_null()
              ? "-"
              : fmt::format("{:.1f} % [{:.1f}, {:.1f}]", 100.0 * entry.at("score").get<double>(),
                            100.0 * entry.at("low").get<double>(),
                            100.0 * entry.at("high").get<double>()));
    }
  return text;
}

std::string teacher_table(const Json& details) {
  std::string text;
  for (const auto& [model, entries] : details.items())
    for (const auto& [name, entry] : entries.items()) {
      if (!entry.contains("teacher")) continue;
      if (text.empty()) text = "\nstudent / teacher\n";
      text += fmt::format(
          "{} / {}  {}  {:.1f} % / {:.1f} %", model, entry["teacher"].get<std::string>(), name,
          100 * entry.at("score").get<double>(), 100 * entry["teacher_score"].get<double>());
      if (entry.contains("of_teacher"))
        text += fmt::format(" = {:.2f}", entry["of_teacher"].get<double>());
      text += '\n';
    }
  return text;
}

std::string refusal_table(const Json& details) {
  std::string text;
  for (const auto& [model, entries] : details.items())
    for (const auto& [name, entry] : entries.items()) {
      if (!entry.contains("behaviour")) continue;
      for (const auto& [requests, counts] : entry["behaviour"].items()) {
        if (text.empty())
          text = fmt::format("\n{:<24}  {:<16}  {:<8}  {:>8}  {:>8}  {:>9}\n", "model", "suite",
                             "requests", "refused", "complied", "neither");
        double all = 0.0;
        for (const auto& [what, count] : counts.items()) all += count.get<double>();
        const auto share = [&](const char* what) {
          return fmt::format("{:.1f} %", 100.0 * counts.value(what, 0.0) / std::max(1.0, all));
        };
        text += fmt::format("{:<24}  {:<16}  {:<8}  {:>8}  {:>8}  {:>9}\n", model, name, requests,
                            share("refused"), share("complied"), share("neither"));
      }
    }
  return text;
}

std::string instruction_table(const Json& details) {
  std::string text;
  for (const auto& [model, entries] : details.items())
    for (const auto& [name, entry] : entries.items()) {
      if (!entry.contains("instructions")) continue;
      if (text.empty())
        text =
            fmt::format("\n{:<24}  {:<16}  {:>13}  {:>12}  {:>18}  {:>17}\n", "model", "suite",
                        "prompt strict", "prompt loose", "instruction strict", "instruction loose");
      const auto share = [&shares = entry["instructions"]](const char* which) {
        return fmt::format("{:.1f} %", 100.0 * shares.at(which).get<double>());
      };
      text += fmt::format("{:<24}  {:<16}  {:>13}  {:>12}  {:>18}  {:>17}\n", model, name,
                          share("prompt_strict"), share("prompt_loose"),
                          share("instruction_strict"), share("instruction_loose"));
    }
  return text;
}

}  // namespace r1::mpi
