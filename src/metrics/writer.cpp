#include "metrics/writer.h"

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "metrics/jsonl.h"

namespace r1::metrics {
namespace {

std::vector<std::pair<std::string, double>> numbers_of(const StepMetrics& metrics) {
  std::vector<std::pair<std::string, double>> numbers;
  for (const auto& [name, value] : metrics.values())
    if (const double* number = std::get_if<double>(&value)) numbers.emplace_back(name, *number);
  return numbers;
}

nlohmann::ordered_json number_or_null(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

}  // namespace

MetricsWriter::MetricsWriter(const std::string& folder, std::int64_t last_step, bool tensorboard) {
  const std::string path = folder + "/metrics.jsonl";
  cut_back_jsonl(path, last_step);
  rows_.emplace(path);
  if (tensorboard) events_.emplace(folder, has_event_file(folder) ? last_step + 1 : -1);
}

void MetricsWriter::write(std::int64_t step, const std::string& stage, const StepMetrics& metrics) {
  num_not_finite_ += metrics.num_not_finite();
  rows_->append(to_json_line(step, stage, metrics) + "\n");
  if (!events_) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  events_->add(step, std::chrono::duration<double>(now).count(), numbers_of(metrics));
}

void MetricsWriter::sync() {
  rows_->sync();
  if (events_) events_->sync();
}

std::string to_json_line(const SampleRow& row) {
  nlohmann::ordered_json object;
  object["step"] = row.step;
  object["sample"] = row.sample;
  object["problem"] = row.problem;
  object["answer"] = row.answer;
  object["prompt"] = row.prompt;
  object["completion"] = row.completion;
  object["reward"] = number_or_null(row.reward);
  object["parts"] = nlohmann::ordered_json::object();
  for (const auto& [name, value] : row.parts) object["parts"][name] = number_or_null(value);
  object["reason"] = row.reason;
  object["finish_reason"] = row.finish_reason;
  for (const auto& turn : row.turns)
    object["turns"].push_back(
        {{"call", turn.call}, {"answer", turn.answer}, {"status", turn.status}});
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

SampleWriter::SampleWriter(const std::string& folder, std::int64_t last_step) {
  const std::string path = folder + "/samples.jsonl";
  cut_back_jsonl(path, last_step);
  rows_.emplace(path);
}

void SampleWriter::sync() {
  rows_->sync();
}

void SampleWriter::write(const SampleRow& row) {
  rows_->append(to_json_line(row) + "\n");
}

}  // namespace r1::metrics
