#pragma once
// The metrics of one step: a line of metrics.jsonl without the step's number and stage.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace r1::metrics {

/// Named values of one step. Each part of a step sets its own values. The values keep the order in
/// which they were first set, which is the order of the keys in the file. src/metrics/README.md
/// lists the names. A new metric needs one set() where the value is computed, and a line in this
/// README.
class StepMetrics {
 public:
  using Value = std::variant<double, std::string>;

  /// Sets or replaces a value. A number may be NaN or infinite; the file then contains null.
  StepMetrics& set(const std::string& name, Value value);
  /// Sets all values of `other`, in their order.
  StepMetrics& add(const StepMetrics& other);
  /// The number with this name, if it exists.
  std::optional<double> number(const std::string& name) const;
  /// The number of values that are NaN or infinite.
  std::int64_t num_not_finite() const;
  const std::vector<std::pair<std::string, Value>>& values() const { return values_; }

 private:
  std::vector<std::pair<std::string, Value>> values_;
};

/// Returns {"step": 3, "stage": "rl1", "reward_mean": 0.5, ...} without a newline. Numbers are
/// written with enough digits to read back the same double. NaN and infinity become null and are
/// counted in "not_finite"; this key is absent if all values are finite. Bytes that are not valid
/// UTF-8 become U+FFFD.
std::string to_json_line(std::int64_t step, const std::string& stage, const StepMetrics& metrics);

}  // namespace r1::metrics
