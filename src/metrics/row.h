#pragma once
// One step's measurements: what a line of metrics.jsonl holds.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace r1::metrics {

/// Named values of one step, kept in the order they were set (the order of the keys in the file).
/// Names are listed in README.md beside this file.
struct Row {
  using Value = std::variant<double, std::string>;

  std::int64_t step = 0;
  std::string stage;
  std::vector<std::pair<std::string, Value>> values;

  /// Sets or replaces a value. A number may be NaN or infinite; the file then says null.
  Row& set(const std::string& name, Value value);
  /// The number of that name, if the row has one.
  std::optional<double> number(const std::string& name) const;
  /// How many numbers are NaN or infinite.
  std::int64_t num_not_finite() const;
};

/// {"step": 3, "stage": "rl1", "reward_mean": 0.5, ...} without a newline. Numbers are written so
/// that reading gives the same double; NaN and infinity become null and are counted in
/// "not_finite", a key that is absent when all are finite. Bytes that are no UTF-8 become U+FFFD.
std::string to_json_line(const Row& row);

}  // namespace r1::metrics
