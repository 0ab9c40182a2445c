#pragma once
// Reading and cutting back of the run folder's JSON-lines files.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace r1::metrics {

/// Lines longer than this are skipped by readers (a damaged or hostile file).
constexpr std::size_t kMaxLineBytes = std::size_t{4} << 20;

/// Calls `use` for each line in turn, with whether it ended in a newline; memory stays bounded.
/// Returns the number of lines skipped for their length. A missing file has no lines.
std::int64_t for_each_line(const std::string& path,
                           const std::function<void(std::string_view line, bool complete)>& use);

/// Keeps the rows whose "step" is <= `last_step` and drops the others, torn lines and lines that
/// are no JSON object with a step, so that a continued run's file equals an undisturbed one. The
/// file is replaced in one rename, and only when something is dropped. Returns the rows dropped.
/// Throws: InputError when the file cannot be replaced.
std::int64_t cut_back_jsonl(const std::string& path, std::int64_t last_step);

}  // namespace r1::metrics
