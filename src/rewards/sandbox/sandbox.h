#pragma once
// Runs hostile programs: what protects this machine from them, and one call per kind of run.
//
// The run phase has rlimits, no capabilities, seccomp (syscall_filter.h) and, where the kernel has
// it, Landlock; output is read from a pipe up to a limit, and the wall clock ends the whole process
// group. Compiling is a phase of its own, confined otherwise, in the worker's private folder.
// Neither needs root or namespaces.
#include <optional>
#include <string>
#include <vector>

#include "rewards/options.h"
#include "rewards/sandbox/process.h"
#include "rewards/sandbox/toolchain.h"

namespace r1::rewards::sandbox {

enum class Language { Python, Cpp };

class Sandbox {
 public:
  /// `folder`: empty and private, for compiled programs; "" leaves out C++. Throws: ConfigError
  /// when nothing would hold a program (no seccomp), or when neither language has its tool.
  Sandbox(const CodeOptions& options, const std::string& folder);

  bool can_run(Language language) const;
  /// One line: the protections that were seen to work, and the tools.
  std::string description() const;
  /// One line: the protections and tools that are missing here; empty: none.
  std::string missing() const;

  /// Compiles into the private folder; what run_compiled() then runs. code 0: done.
  Outcome compile(const std::string& source) const;
  Outcome run_compiled(const std::string& input, double seconds) const;
  Outcome run_python(const std::string& program, const std::string& input, double seconds) const;
  /// Runs `tests` (Python statements, in a process that the program cannot reach) against the
  /// functions of `program`. The output has one '1' (passed) or '0' per test that was reached.
  Outcome run_python_tests(const std::string& program, const std::vector<std::string>& tests,
                           double seconds) const;

 private:
  Command run_command(const Tool& tool, double seconds) const;
  Command python_command(std::vector<std::string> arguments, double seconds) const;
  void require_protection() const;

  CodeOptions options_;
  std::string folder_;
  std::optional<Tool> python_;
  std::optional<Tool> compiler_;
};

}  // namespace r1::rewards::sandbox
