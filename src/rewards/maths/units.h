#pragma once
// Units of measure: names and symbols, and when two of them are one unit.
#include <cstddef>
#include <string>
#include <string_view>

namespace r1::rewards::maths {

/// A normalised text (normalise.h) that is a unit and nothing else, such as "km/h", "m s^{-1}",
/// "square feet", "kilometers per hour", "\Omega": a power of ten and base units with exponents, in
/// one spelling ("N m" and "J" are one unit, "g" and "kg" are two). Empty: no known unit.
std::string read_unit(std::string_view text);
/// The same of what `text` begins with, up to the first word that is no unit: "feet tall".
std::string leading_unit(std::string_view text);
/// Whether two units from above may be the same: equal, one unknown, degrees with and without their
/// scale, an amount of money with and without what it is paid for.
bool same_unit(const std::string& a, const std::string& b);
/// "dollar hour^-1" of the currency "dollar" and the unit "hour^-1"; a unit of money stays alone.
std::string paid_in(const std::string& currency, const std::string& unit);
/// The unit in prose that begins at `at` behind a number, normalised; empty: none. "5 in the box"
/// and "5 A students" have none.
std::string unit_in_prose(std::string_view text, std::size_t at);

}  // namespace r1::rewards::maths
