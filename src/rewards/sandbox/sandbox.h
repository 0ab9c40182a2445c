#pragma once
// Runs hostile programs: the protections of this machine, and one function per kind of run.
//
// The run phase has rlimits, no capabilities, seccomp (syscall_filter.h) and, if the kernel has it,
// Landlock. Output is read from a pipe up to a limit, and a wall-clock limit ends the whole process
// group. Compilation is a separate phase with another confinement, in the private folder of the
// worker. Neither phase needs root or namespaces.
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
  /// `folder`: an empty private folder for compiled programs; "" disables C++. `section`: of the
  /// configuration, for messages. Throws: ConfigError if no protection is available (no seccomp),
  /// or if both languages lack their tool.
  Sandbox(const CodeOptions& options, const std::string& folder,
          std::string section = "rewards.code");

  bool can_run(Language language) const;
  /// One line: the protections that were verified, and the tools.
  std::string description() const;
  /// One line: the missing protections and tools; empty if nothing is missing.
  std::string missing() const;

  /// Compiles `source` into the private folder; run_compiled() runs the result. code 0: success.
  Outcome compile(const std::string& source) const;
  Outcome run_compiled(const std::string& input, double seconds) const;
  Outcome run_python(const std::string& program, const std::string& input, double seconds) const;
  /// Runs `tests` (Python statements, in a process that the program cannot reach) against the
  /// functions of `program`. The output has one '1' (passed) or '0' (failed) per executed test.
  Outcome run_python_tests(const std::string& program, const std::vector<std::string>& tests,
                           double seconds) const;
  /// Runs a checker (python_harness.h) on what a program printed for `input`. The output is a
  /// number.
  Outcome run_checker(const std::string& checker, const std::string& input,
                      const std::string& expected, const std::string& printed,
                      double seconds) const;

 private:
  Command run_command(const Tool& tool, double seconds) const;
  Command python_command(std::vector<std::string> arguments, double seconds) const;
  void require_protection() const;

  CodeOptions options_;
  std::string folder_;
  std::string section_;
  std::optional<Tool> python_;
  std::optional<Tool> compiler_;
};

}  // namespace r1::rewards::sandbox
