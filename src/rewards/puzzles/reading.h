#pragma once
// Text readers shared by the puzzle scorers.
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace r1::rewards::puzzles {

/// Normalises white space: one space between words, no blank lines, no space at line ends.
std::string normal_layout(std::string_view text);
/// Removes surrounding quotes, backticks, asterisks and dollar signs, and a full stop at the end.
std::string unwrapped(std::string_view text);
/// Whether two texts are equal after normal_layout, or after unwrapping both.
bool same_text(std::string_view a, std::string_view b);

/// The shortest form of a plain decimal ("+01,000.50" -> "1000.5"); nothing for other texts.
std::optional<std::string> canonical_decimal(std::string_view text);
/// Reads a whole text as a floating point number, with an optional exponent.
std::optional<double> number_of(std::string_view text);
/// All numbers in a text, in order.
std::vector<double> numbers_in(std::string_view text);
/// Reads a whole text as an integer.
std::optional<std::int64_t> integer_of(std::string_view text);

using Rows = std::vector<std::vector<std::string>>;
/// Reads lines of cells separated by spaces, commas or bars, or JSON arrays of arrays.
Rows rows_of(std::string_view text);

/// Reads a field as a matrix of integers; empty if the field is not such a matrix.
std::vector<std::vector<std::int64_t>> integer_matrix(const nlohmann::json& metadata,
                                                      const char* field);
/// Parses JSON whose strings may have single quotes; the result is discarded() if the text is not
/// readable.
nlohmann::json lenient_json(std::string_view text);

}  // namespace r1::rewards::puzzles
