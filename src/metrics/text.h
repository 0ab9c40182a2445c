#pragma once
// Numbers and durations as a person reads them, and text made safe for HTML.
#include <string>
#include <string_view>

namespace r1::metrics {

/// About four significant digits: "0.4123", "12.3", "1.2e-06"; NaN is "-".
std::string format_number(double value);
/// With a suffix: "8.1k", "1.3M".
std::string format_short(double value);
/// 0.4123 -> "41.2 %".
std::string format_percent(double value);
/// Seconds -> "850 ms", "42 s", "3 min 20 s", "5 h 40 min", "2 d 3 h".
std::string format_duration(double seconds);
/// Text for an HTML body or a quoted attribute: & < > " ' are escaped, control characters but tab
/// and newline are shown as U+FFFD, bytes that are no UTF-8 become U+FFFD.
std::string escape_html(std::string_view text);
/// The first `max_bytes` of the text, cut between characters, with "…" when something was cut.
std::string shorten(std::string_view text, std::size_t max_bytes);
/// JSON text that can stand inside a script element.
std::string escape_script_json(std::string json);

}  // namespace r1::metrics
