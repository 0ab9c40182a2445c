#pragma once
// Log lines "time rank level text" on stderr and, once opened, in the run folder's log.
// Thread-safe.
#include <fmt/format.h>

#include <string>

namespace r1::base {

/// Names the rank in front of each line, and says whether info lines of this rank are printed (rank
/// 0: yes).
void log_set_rank(int rank, bool print_info);
/// Appends all lines of this process to `path` too.
void log_open_file(const std::string& path);

void log_info_line(const std::string& text);
void log_warning_line(const std::string& text);
void log_error_line(const std::string& text);

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_info_line(fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_warning_line(fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_error_line(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace r1::base
