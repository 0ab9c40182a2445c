#pragma once
// One step's measurements: what a line of metrics.jsonl holds beside the step's number and stage.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace r1::metrics {

/// Named values of one step. Each part of a step sets its own; they keep the order in which they
/// were set first, which is the order of the keys in the file. README.md beside this file lists the
/// names. A new metric of a step is one set() where its value is computed, and a line there.
class StepMetrics {
 public:
  using Value = std::variant<double, std::string>;

  /// Sets or replaces a value. A number may be NaN or infinite; the file then says null.
  StepMetrics& set(const std::string& name, Value value);
  /// Sets all values of `other`, in their order.
  StepMetrics& add(const StepMetrics& other);
  /// The number of that name, if there is one.
  std::optional<double> number(const std::string& name) const;
  /// How many numbers are NaN or infinite.
  std::int64_t num_not_finite() const;
  const std::vector<std::pair<std::string, Value>>& values() const { return values_; }

 private:
  std::vector<std::pair<std::string, Value>> values_;
};

/// {"step": 3, "stage": "rl1", "reward_mean": 0.5, ...} without a newline. Numbers are written so
/// that reading gives the same double; NaN and infinity become null and are counted in
/// "not_finite", a key that is absent when all are finite. Bytes that are no UTF-8 become U+FFFD.
std::string to_json_line(std::int64_t step, const std::string& stage, const StepMetrics& metrics);

}  // namespace r1::metrics
