#pragma once
// The table of units for units.h: symbols, names, prefixes.
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace r1::rewards::maths {

/// A product of base units with exponents, times a power of ten: km/h is {3, {m: 1, hour: -1}}.
struct Unit {
  int tens = 0;
  std::map<std::string, int> bases;

  void multiply(const Unit& other, int exponent);
};

/// Looks up one word or symbol, with or without an SI prefix: "kJ", "kilojoules", "ft", "미터",
/// "厘米".
std::optional<Unit> find_unit(const std::string& word);
/// The power of ten of a prefix's symbol or name: "k", "kilo".
std::optional<int> find_prefix(std::string_view prefix);

}  // namespace r1::rewards::maths
