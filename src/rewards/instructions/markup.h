#pragma once
// Counts of a response's marks: bullets, highlights, placeholders, sections, titles, paragraphs.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace r1::rewards::instructions {

/// Lines that begin with '*' (and no second one) or with '-'.
std::int64_t num_bullets(std::string_view text);
/// Texts between asterisks, "*so*" or "**so**", on one line.
std::int64_t num_highlights(std::string_view text);
/// Texts in square brackets, on one line.
std::int64_t num_placeholders(std::string_view text);
/// Occurrences of `splitter` and a number behind it ("Section 1").
std::int64_t num_sections(std::string_view text, std::string_view splitter);
/// Whether there is a title in double angle brackets, "<<so>>", on one line.
bool has_title(std::string_view text);
/// The texts between lines of three asterisks ("***"), with up to one blank on either side of them.
std::vector<std::string> starred_paragraphs(std::string_view text);
/// Whether a text is JSON, in a fenced block or bare.
bool is_json(std::string_view text);
/// Whether there is a postscript that begins with a marker: "P.S.", "P.P.S" in any case and with
/// blanks inside, another marker as it is written in any case.
bool has_postscript(std::string_view text, std::string_view marker);

}  // namespace r1::rewards::instructions
