#pragma once
// Where the Python interpreter and the C++ compiler of this machine are, and what they must read.
#include <optional>
#include <string>
#include <vector>

#include "rewards/options.h"

namespace r1::rewards::sandbox {

struct Tool {
  std::string path;                   // absolute
  std::string version;                // one line
  std::vector<std::string> readable;  // files and folders it needs
};

/// The path itself, or the first hit of PATH; empty: none.
std::string find_program(const std::string& name);

/// Asks the interpreter for its real executable (a launcher script is not one) and its folders.
std::optional<Tool> find_python(const std::string& name);
std::optional<Tool> find_compiler(const std::string& name);

/// What any dynamically linked program reads at its start.
std::vector<std::string> system_libraries();

}  // namespace r1::rewards::sandbox
