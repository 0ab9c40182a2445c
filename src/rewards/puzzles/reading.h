#pragma once
// Small readers that the puzzle scorers share.
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace r1::rewards::puzzles {

/// One space between words, no blank lines, no space at line ends.
std::string normal_layout(std::string_view text);
/// Without the quotes, backticks, asterisks and dollar signs around it and a full stop behind it.
std::string unwrapped(std::string_view text);
/// Equal after normal_layout, or after unwrapping both.
bool same_text(std::string_view a, std::string_view b);

/// The shortest form of a plain decimal ("+01,000.50" -> "1000.5"); nothing for any other text.
std::optional<std::string> canonical_decimal(std::string_view text);
/// A whole text as a floating point number, exponent allowed.
std::optional<double> number_of(std::string_view text);
/// All numbers in a text, in order.
std::vector<double> numbers_in(std::string_view text);
/// An integer that is the whole text.
std::optional<std::int64_t> integer_of(std::string_view text);

using Rows = std::vector<std::vector<std::string>>;
/// Lines of cells parted by spaces, commas or bars; JSON arrays of arrays too.
Rows rows_of(std::string_view text);

/// A field as a matrix of integers; empty when it is none.
std::vector<std::vector<std::int64_t>> integer_matrix(const nlohmann::json& metadata,
                                                      const char* field);
/// JSON of a text in which strings may stand in single quotes; discarded: not readable.
nlohmann::json lenient_json(std::string_view text);

}  // namespace r1::rewards::puzzles
