#pragma once
// Locates the Python interpreter and the C++ compiler of this machine, and the files that they
// need.
#include <optional>
#include <string>
#include <vector>

#include "rewards/options.h"

namespace r1::rewards::sandbox {

struct Tool {
  std::string path;                   // absolute
  std::string version;                // one line
  std::vector<std::string> readable;  // files and folders that the tool needs
};

/// The path itself, or the first match in PATH; empty: not found.
std::string find_program(const std::string& name);

/// Asks the interpreter for its real executable, because the name may be a launcher script, and for
/// its folders.
std::optional<Tool> find_python(const std::string& name);
std::optional<Tool> find_compiler(const std::string& name);

/// Files that every dynamically linked program reads at its start.
std::vector<std::string> system_libraries();

}  // namespace r1::rewards::sandbox
