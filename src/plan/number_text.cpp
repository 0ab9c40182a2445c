#include "plan/number_text.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

namespace r1::plan {
namespace {

/// 5360 -> "5,360".
std::string with_separators(double value) {
  std::string digits = fmt::format("{:.0f}", value);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

double to_three_digits(double value) {
  const double unit = std::pow(10.0, std::floor(std::log10(value)) - 2.0);
  return std::round(value / unit) * unit;
}

}  // namespace

std::string number_text(double value) {
  if (!std::isfinite(value)) return fmt::format("{}", value);
  if (value < 0.0) return "-" + number_text(-value);
  if (value == 0.0) return "0";
  const double rounded = to_three_digits(value);
  constexpr std::array<std::pair<double, const char*>, 3> kWords{
      {{1e12, "trillion"}, {1e9, "billion"}, {1e6, "million"}}};
  for (const auto& [unit, word] : kWords)
    if (rounded >= unit) return number_text(rounded / unit) + " " + word;
  if (rounded >= 100.0) return with_separators(rounded);
  const int decimals = 2 - static_cast<int>(std::floor(std::log10(rounded)));
  std::string text = fmt::format("{:.{}f}", rounded, decimals);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string duration_text(double seconds) {
  constexpr std::array<std::pair<double, const char*>, 3> kUnits{
      {{86400.0, "days"}, {3600.0, "hours"}, {60.0, "minutes"}}};
  for (const auto& [unit, name] : kUnits)
    if (seconds >= 2.0 * unit) return number_text(seconds / unit) + " " + name;
  return number_text(seconds) + " s";
}

}  // namespace r1::plan
