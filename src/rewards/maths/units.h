#pragma once
// Units of measure: names and symbols, and whether two units are equal.
#include <cstddef>
#include <string>
#include <string_view>

namespace r1::rewards::maths {

/// Reads a normalised text (normalise.h) that is exactly a unit, such as "km/h", "m s^{-1}",
/// "square feet", "kilometers per hour", "\Omega". Returns a power of ten and base units with
/// exponents, in one spelling: "N m" and "J" are one unit, "g" and "kg" are two units. Empty: no
/// known unit.
std::string read_unit(std::string_view text);
/// Reads the unit at the start of `text`, up to the first word that is not a unit: "feet tall".
std::string leading_unit(std::string_view text);
/// Whether two results of read_unit may be the same unit: equal units, an unknown unit, degrees
/// with and without their scale, a price with and without the paid unit.
bool same_unit(const std::string& a, const std::string& b);
/// "dollar hour^-1" for the currency "dollar" and the unit "hour^-1". A unit that already contains
/// money is returned unchanged.
std::string paid_in(const std::string& currency, const std::string& unit);
/// The normalised unit in prose that begins at `at`, after a number; empty: no unit. "5 in the box"
/// and "5 A students" contain no unit.
std::string unit_in_prose(std::string_view text, std::size_t at);

}  // namespace r1::rewards::maths
