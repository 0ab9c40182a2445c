#include "metrics/report/evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/files.h"

namespace r1::metrics {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::uintmax_t kMaxFileBytes = std::uintmax_t{64} << 20;

Json read_object(const std::string& path, std::string& note) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return Json::object();
  if (std::filesystem::file_size(path, error) > kMaxFileBytes || error) {
    note = path + ": too large to be evaluation results";
    return Json::object();
  }
  Json object = Json::parse(base::read_file(path), nullptr, false);
  if (object.is_object()) return object;
  note = path + ": expected a JSON object, found something else";
  return Json::object();
}

std::optional<double> number(const Json& object, const char* key) {
  const auto entry = object.find(key);
  if (entry == object.end() || !entry->is_number()) return std::nullopt;
  return entry->get<double>();
}

Score score_of(double value, const Json& details, const std::string& model,
               const std::string& suite) {
  Score score{value, {}, {}, 0, 0};
  const auto model_entry = details.find(model);
  if (model_entry == details.end() || !model_entry->is_object()) return score;
  const auto entry = model_entry->find(suite);
  if (entry == model_entry->end() || !entry->is_object()) return score;
  score.low = number(*entry, "low");
  score.high = number(*entry, "high");
  score.num_problems = static_cast<std::int64_t>(number(*entry, "num_problems").value_or(0));
  score.num_samples = static_cast<std::int64_t>(number(*entry, "num_samples").value_or(0));
  return score;
}

std::size_t column_of(Evaluation& evaluation, const std::string& suite) {
  const auto found = std::find(evaluation.suites.begin(), evaluation.suites.end(), suite);
  if (found == evaluation.suites.end()) {
    evaluation.suites.push_back(suite);
    return evaluation.suites.size() - 1;
  }
  return static_cast<std::size_t>(found - evaluation.suites.begin());
}

std::string cell_text(const std::optional<Score>& score) {
  if (!score) return "-";
  std::string text = fmt::format("{:.1f} %", 100 * score->value);
  if (score->low && score->high)
    text += fmt::format(" [{:.1f}, {:.1f}]", 100 * *score->low, 100 * *score->high);
  return text;
}

}  // namespace

Evaluation read_evaluation(const std::string& folder, std::string& note) {
  const Json results = read_object(folder + "/evaluation_results.json", note);
  const Json details = read_object(folder + "/evaluation_details.json", note);
  Evaluation evaluation;
  for (const auto& [model, suites] : results.items()) {
    if (!suites.is_object()) continue;
    evaluation.models.push_back(model);
    auto& row = evaluation.scores.emplace_back();
    for (const auto& [suite, value] : suites.items()) {
      if (!value.is_number() && !value.is_null()) continue;
      const std::size_t column = column_of(evaluation, suite);
      if (row.size() <= column) row.resize(column + 1);
      if (value.is_number()) row[column] = score_of(value.get<double>(), details, model, suite);
    }
  }
  for (auto& row : evaluation.scores) row.resize(evaluation.suites.size());
  return evaluation;
}

std::string render_table(const Evaluation& evaluation) {
  if (evaluation.empty()) return "";
  std::vector<std::vector<std::string>> lines{{"model"}};
  lines[0].insert(lines[0].end(), evaluation.suites.begin(), evaluation.suites.end());
  for (std::size_t m = 0; m < evaluation.models.size(); ++m) {
    auto& line = lines.emplace_back();
    line.push_back(evaluation.models[m]);
    for (const auto& score : evaluation.scores[m]) line.push_back(cell_text(score));
  }
  std::string text;
  for (const auto& line : lines) {
    for (std::size_t column = 0; column < line.size(); ++column) {
      std::size_t width = 0;
      for (const auto& other : lines) width = std::max(width, other[column].size());
      const bool is_name = column == 0;
      text += is_name ? fmt::format("{:<{}}", line[column], width)
                      : fmt::format("  {:>{}}", line[column], width);
    }
    text += '\n';
  }
  return text;
}

}  // namespace r1::metrics
