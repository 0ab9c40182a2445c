#pragma once
// Reading and truncation of the JSON-lines files of a run folder.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace r1::metrics {

/// Readers skip longer lines, which only a damaged or hostile file contains.
constexpr std::size_t kMaxLineBytes = std::size_t{4} << 20;

/// Calls use(line, complete) for each line; `complete` says whether the line ended in a newline.
/// Memory is bounded. Returns the number of lines skipped for their length. A missing file has no
/// lines.
/// Throws: as base::open_stream.
std::int64_t for_each_line(const std::string& path,
                           const std::function<void(std::string_view line, bool complete)>& use);

/// Keeps the rows whose "step" is <= `last_step`. Drops all other rows, torn lines and lines that
/// are not a JSON object with a step, so that the file of a continued run equals the file of an
/// uninterrupted run. If a row is dropped, one rename replaces the file. Returns the number of
/// dropped rows. Throws: InputError if the file cannot be replaced.
std::int64_t cut_back_jsonl(const std::string& path, std::int64_t last_step);

}  // namespace r1::metrics
