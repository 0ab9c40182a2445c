#pragma once
// Human-readable numbers and durations, and text that is escaped for HTML.
#include <cstdint>
#include <string>
#include <string_view>

namespace r1::metrics {

/// Formats about four significant digits: "0.4123", "12.3", "1.2e-06"; NaN is "-".
std::string format_number(double value);
/// Formats with a suffix: "8.1k", "1.3M".
std::string format_short(double value);
/// 0.4123 -> "41.2 %".
std::string format_percent(double value);
/// Seconds -> "850 ms", "42 s", "3 min 20 s", "5 h 40 min", "2 d 3 h".
std::string format_duration(double seconds);
/// "2026-11-29 19:48 UTC"; `unix_seconds` beyond the year 9999 are cut off there.
std::string format_date(std::int64_t unix_seconds);
/// Escapes text for an HTML body or a quoted attribute: & < > " ' are escaped; control characters
/// except tab and newline, and bytes that are not valid UTF-8, become U+FFFD.
std::string escape_html(std::string_view text);
/// The first `max_bytes` of the text, cut between characters, with "…" appended if something was
/// cut.
std::string shorten(std::string_view text, std::size_t max_bytes);
/// Makes JSON text safe inside a script element.
std::string escape_script_json(std::string json);

}  // namespace r1::metrics
