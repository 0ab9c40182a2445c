#include "metrics/row.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace r1::metrics {

Row& Row::set(const std::string& name, Value value) {
  for (auto& [existing, old] : values) {
    if (existing != name) continue;
    old = std::move(value);
    return *this;
  }
  values.emplace_back(name, std::move(value));
  return *this;
}

std::optional<double> Row::number(const std::string& name) const {
  for (const auto& [known, value] : values)
    if (const double* number = std::get_if<double>(&value); number != nullptr && known == name)
      return *number;
  return std::nullopt;
}

std::int64_t Row::num_not_finite() const {
  std::int64_t count = 0;
  for (const auto& [name, value] : values) {
    const double* number = std::get_if<double>(&value);
    count += number && !std::isfinite(*number) ? 1 : 0;
  }
  return count;
}

std::string to_json_line(const Row& row) {
  nlohmann::ordered_json object;
  object["step"] = row.step;
  object["stage"] = row.stage;
  for (const auto& [name, value] : row.values) {
    if (const double* number = std::get_if<double>(&value)) {
      object[name] = std::isfinite(*number) ? nlohmann::ordered_json(*number)
                                            : nlohmann::ordered_json(nullptr);
    } else {
      object[name] = std::get<std::string>(value);
    }
  }
  if (const std::int64_t count = row.num_not_finite(); count > 0) object["not_finite"] = count;
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace r1::metrics
