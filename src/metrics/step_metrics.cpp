#include "metrics/step_metrics.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace r1::metrics {

StepMetrics& StepMetrics::set(const std::string& name, Value value) {
  for (auto& [existing, old] : values_) {
    if (existing != name) continue;
    old = std::move(value);
    return *this;
  }
  values_.emplace_back(name, std::move(value));
  return *this;
}

StepMetrics& StepMetrics::add(const StepMetrics& other) {
  for (const auto& [name, value] : other.values_) set(name, value);
  return *this;
}

std::optional<double> StepMetrics::number(const std::string& name) const {
  for (const auto& [known, value] : values_)
    if (const double* number = std::get_if<double>(&value); number != nullptr && known == name)
      return *number;
  return std::nullopt;
}

std::int64_t StepMetrics::num_not_finite() const {
  std::int64_t count = 0;
  for (const auto& [name, value] : values_) {
    const double* number = std::get_if<double>(&value);
    count += number && !std::isfinite(*number) ? 1 : 0;
  }
  return count;
}

std::string to_json_line(std::int64_t step, const std::string& stage, const StepMetrics& metrics) {
  nlohmann::ordered_json object;
  object["step"] = step;
  object["stage"] = stage;
  for (const auto& [name, value] : metrics.values()) {
    if (const double* number = std::get_if<double>(&value)) {
      object[name] = std::isfinite(*number) ? nlohmann::ordered_json(*number)
                                            : nlohmann::ordered_json(nullptr);
    } else {
      object[name] = std::get<std::string>(value);
    }
  }
  if (const std::int64_t count = metrics.num_not_finite(); count > 0) object["not_finite"] = count;
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace r1::metrics
